/** Memberships, rejections and erasures. */
import type { Knowledge } from '../producers/record.ts';
import type { Check } from './check.ts';
import type { Stored } from './stored.ts';

export function compareMemberships(knowledge: Pick<Knowledge, 'memberships'>, stored: Pick<Stored, 'contacts' | 'memberships'>): Check[] {
  const idOf = new Map(stored.contacts.map((c) => [c.email, c.contact_id]));
  return (['postgres', 'mirror'] as const).map((store) => {
    const status = new Map(stored.memberships[store].map((m) => [`${m.contactId} ${m.list}`, m.status]));
    const faults: string[] = [];
    let checked = 0;
    for (const [key, { expected, uncertain }] of knowledge.memberships) {
      if (uncertain) continue;
      checked += 1;
      const [email = '', list = ''] = key.split(' ');
      const found = status.get(`${idOf.get(email)} ${list}`) ?? null;
      if (found !== expected) faults.push(`${email} on ${list}: ${found ?? 'no membership'}, not ${expected ?? 'none'}`);
    }
    return { name: `memberships as decided last (${store})`, checked, faults };
  });
}

export function compareRejected(knowledge: Pick<Knowledge, 'rejected'>, stored: Pick<Stored, 'contacts' | 'rejections'>): Check {
  const there = new Set(stored.contacts.map((c) => c.email));
  const times = new Map<string, number>();
  for (const { code, email } of stored.rejections)
    if (code === 'external_id_taken' && email !== null) times.set(email, (times.get(email) ?? 0) + 1);
  const faults: string[] = [];
  for (const [email, fate] of knowledge.rejected) {
    const n = times.get(email) ?? 0;
    if (there.has(email)) faults.push(`${email}: was to be rejected and is there`);
    if (n > 1 || (n === 0 && fate === 'acknowledged')) faults.push(`${email}: ${n} rejections`);
  }
  const other = stored.rejections.filter(({ email }) => email === null || !knowledge.rejected.has(email));
  for (const { code, email } of other) faults.push(`${email ?? 'an item'}: rejected with ${code}`);
  return { name: 'rejected items, each recorded once', checked: knowledge.rejected.size, faults };
}

export function compareErased(knowledge: Pick<Knowledge, 'erased' | 'contacts'>, stored: Pick<Stored, 'contacts' | 'erasedIds'>): Check {
  const gone = new Set(stored.erasedIds);
  const faults: string[] = [];
  for (const { contact_id, email } of stored.contacts) {
    if (gone.has(contact_id)) faults.push(`${email}: contact ${contact_id} was erased and is there`);
    // An address may come back, as somebody new.
    else if (knowledge.erased.has(email) && !knowledge.contacts.has(email)) faults.push(`${email}: was erased and is there again`);
  }
  return { name: 'erased contacts are gone', checked: knowledge.erased.size, faults };
}
