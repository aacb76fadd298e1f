/** Activity events: each acknowledged one is there once, in both orders, under its contact; nothing is there that was not sent. */
import type { Knowledge } from '../producers/record.ts';
import { type Check, grouped } from './check.ts';
import { ORDERS, type Stored } from './stored.ts';

export function compareEvents(knowledge: Pick<Knowledge, 'events'>, stored: Pick<Stored, 'contacts' | 'events'>): Check[] {
  const idOf = new Map(stored.contacts.map((c) => [c.email, c.contact_id]));
  return ORDERS.map((order) => {
    const faults: string[] = [];
    const rows = grouped(stored.events[order], (row) => row.message_id);
    for (const message of rows.keys()) if (!knowledge.events.has(message)) faults.push(`event ${message}: was never sent`);
    for (const [message, { email, id, fate }] of knowledge.events) {
      const found = rows.get(message) ?? [];
      if (found.length > 1) faults.push(`event ${message}: ${found.length} rows`);
      if (fate === 'erased') {
        if (found.length > 0) faults.push(`event ${message}: its contact was erased, and it is there`);
      } else if (email === null) {
        if (found.length > 0) faults.push(`event ${message}: nobody has its external_id, and it is filed under ${found[0]?.contact_id}`);
      } else if (found.length === 0) {
        if (fate === 'acknowledged') faults.push(`event ${message}: lost`);
      }
      for (const row of found) {
        if (email !== null && row.contact_id !== idOf.get(email))
          faults.push(`event ${message}: filed under contact ${row.contact_id}, not under ${email}`);
        if (id !== null && row.id !== id) faults.push(`event ${message}: has the id ${row.id}, not ${id}`);
      }
    }
    return {
      name: `events, each once (${order === 'timeline_by_contact' ? 'by contact' : 'by kind'})`,
      checked: knowledge.events.size,
      faults,
    };
  });
}
