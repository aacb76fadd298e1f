/** Custom events: one row each in both orders, as the last write said, under the contact that it named. */
import { customState } from '../producers/custom-events.ts';
import type { Knowledge } from '../producers/record.ts';
import { type Check, grouped } from './check.ts';
import { CUSTOM_TABLES, type Stored } from './stored.ts';

export function compareCustomEvents(
  knowledge: Pick<Knowledge, 'customEvents'>,
  stored: Pick<Stored, 'contacts' | 'customEvents'>,
): Check[] {
  const idOf = new Map(stored.contacts.map((c) => [c.email, c.contact_id]));
  return CUSTOM_TABLES.map((table) => {
    const faults: string[] = [];
    const rows = grouped(stored.customEvents[table], (row) => row.externalId);
    for (const [key, { sent, unknown }] of knowledge.customEvents) {
      const maybe = new Set(unknown);
      const last = Array.from({ length: sent }, (_, n) => sent - n).find((n) => !maybe.has(n));
      const found = rows.get(key) ?? [];
      if (found.length > 1) faults.push(`custom event ${key}: ${found.length} rows`);
      if (found.length === 0 && last !== undefined) faults.push(`custom event ${key}: lost`);
      for (const { step, contactId, deleted } of found) {
        if (step !== last && !maybe.has(step)) faults.push(`custom event ${key}: says step ${step}, the last one was ${last}`);
        const state = customState(key, step);
        if (contactId !== idOf.get(state.email))
          faults.push(`custom event ${key}: filed under contact ${contactId}, not under ${state.email}`);
        if (deleted !== state.deleted) faults.push(`custom event ${key}: ${deleted ? 'is' : 'is not'} deleted after step ${step}`);
      }
    }
    return {
      name: `custom events, last write kept (${table === 'custom_events' ? 'by key' : 'by contact'})`,
      checked: knowledge.customEvents.size,
      faults,
    };
  });
}
