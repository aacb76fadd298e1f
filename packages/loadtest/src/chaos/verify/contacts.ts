/** Numbered upserts: the profile holds the last step, and both timelines tell every step once, in order, each from the one before. */
import type { Knowledge, Steps } from '../producers/record.ts';
import { type Check, grouped } from './check.ts';
import { ORDERS, type Order, type Stored, type StoredChange, type StoredContact } from './stored.ts';

export function compareContacts(knowledge: Pick<Knowledge, 'contacts'>, stored: Pick<Stored, 'contacts' | 'changes'>): Check[] {
  const byEmail = new Map(stored.contacts.map((c) => [c.email, c]));
  return ORDERS.map((order) => {
    const faults: string[] = [];
    const told = grouped(stored.changes[order], (change) => change.contactId);
    for (const { contact_id, email } of stored.contacts) {
      const times = (told.get(contact_id) ?? []).filter(({ kind }) => kind === 'contact.created').length;
      if (times !== 1) faults.push(`${email}: ${times} entries contact.created`);
    }
    let steps = 0;
    for (const [email, sent] of knowledge.contacts) {
      steps += sent.sent;
      faults.push(...compareOne(email, sent, byEmail.get(email), told));
    }
    return { name: `steps of contacts, in order, last one kept (${describe(order)})`, checked: steps, faults };
  });
}

const describe = (order: Order): string => (order === 'timeline_by_contact' ? 'by contact' : 'by kind');

function compareOne(
  email: string,
  { sent, unknown }: Steps,
  row: StoredContact | undefined,
  told: ReadonlyMap<number, readonly StoredChange[]>,
): string[] {
  const maybe = new Set(unknown);
  const must = Array.from({ length: sent }, (_, n) => n + 1).filter((n) => !maybe.has(n));
  if (!row) return must.length === 0 ? [] : [`${email}: is not there, ${must.length} steps are lost`];
  const faults: string[] = [];
  const changes = (told.get(row.contact_id) ?? []).flatMap(({ step }) => (step === null ? [] : [step]));
  // contact.created tells no value: it is the first change's old one, or the only one that there is.
  const values = changes.length > 0 ? [changes[0]?.old ?? null, ...changes.map((c) => c.new)] : [row.value];
  for (const [n, change] of changes.entries())
    if (change.old !== values[n]) faults.push(`${email}: step ${change.new} starts from ${change.old}, not from ${values[n]}`);

  const position = new Map<number, number>();
  for (const [n, value] of values.entries()) {
    if (value === null || !Number.isInteger(value) || value < 1 || value > sent) faults.push(`${email}: value ${value} was never sent`);
    else if (position.has(value)) faults.push(`${email}: step ${value} twice`);
    else position.set(value, n);
  }
  const lost = must.filter((n) => !position.has(n));
  if (lost.length > 0) faults.push(`${email}: lost steps ${lost.slice(0, 5).join(', ')}${lost.length > 5 ? ', …' : ''}`);
  // A step that was acknowledged comes before every later one; one of unknown fate only after those acknowledged before it was sent.
  let latest = -1;
  for (const n of Array.from({ length: sent }, (_, i) => i + 1)) {
    const at = position.get(n);
    if (at === undefined) continue;
    if (at < latest) faults.push(`${email}: step ${n} before an earlier one`);
    if (!maybe.has(n)) latest = Math.max(latest, at);
  }
  if (row.value !== values.at(-1)) faults.push(`${email}: holds ${row.value}, its timeline ends with ${values.at(-1)}`);
  if (row.version !== values.length) faults.push(`${email}: version ${row.version} after ${values.length} steps`);
  return faults;
}
