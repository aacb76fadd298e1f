/** Contacts that are created, get events, and are erased. */
import type { Random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';

const EVENTS = 4;

export function erasures({ knowledge, patient }: ProducerDeps, group: number): Producer {
  let number = 0;
  return {
    step: async (r: Random) => {
      number += 1;
      const email = `erased-${group}-${number}@${DOMAIN}`;
      await patient.send('contacts.upsert', { contact: { email, first_name: 'Erased' }, list_ids: ['chaos-news'] }, 1);
      const batch = Array.from({ length: EVENTS }, (_, k) => ({ kind: 'open_email', email, message_id: `erased-${group}-${number}-${k}` }));
      for (const { message_id } of batch) knowledge.events.set(message_id, { email, id: null, fate: 'unknown' });
      await patient.send('timeline.ingest', { events: batch }, EVENTS);
      // Some are erased while their items are still on their way.
      if (r.chance(0.5)) await patient.send('contacts.upsert', { contact: { email, last_name: 'Soon' } }, 1);
      const { fate, attempts } = await patient.send('contacts.delete', { email }, 0);
      if (fate !== 'acknowledged') return EVENTS + 1;
      for (const { message_id } of batch) knowledge.events.set(message_id, { email, id: null, fate: 'erased' });
      knowledge.erased.add(email);
      // A repeated erasure may come a second time, late, and would erase whoever has the address then: so nobody gets it.
      if (attempts === 1 && r.chance(0.3)) {
        const again = await patient.send('contacts.upsert', { contact: { email, custom_number_1: 1 } }, 1);
        knowledge.contacts.set(email, { sent: 1, unknown: again.fate === 'unknown' ? [1] : [] });
      }
      return EVENTS + 2;
    },
  };
}
