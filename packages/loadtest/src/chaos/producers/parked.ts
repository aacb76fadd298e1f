/**
 * Events that name an external_id which nobody has yet, and the contact that gets it some steps later. Every tenth id never comes:
 * its events must stay parked.
 */
import type { Random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';

const EVENTS = 3;
const NEVER = 10;
/** Ids that wait at a time. */
const WAITING = 8;

export function parked({ knowledge, hasty, patient }: ProducerDeps, group: number): Producer {
  let number = 0;
  const waiting: number[] = [];
  const idOf = (n: number): string => `crm-${group}-${n}`;
  const messagesOf = (n: number): string[] => Array.from({ length: EVENTS }, (_, k) => `parked-${group}-${n}-${k}`);

  const park = async (): Promise<number> => {
    number += 1;
    const messages = messagesOf(number);
    for (const message of messages) knowledge.events.set(message, { email: null, id: null, fate: 'unknown' });
    const events = messages.map((message_id) => ({ kind: 'open_email', external_id: idOf(number), message_id }));
    const { fate } = await hasty.send('timeline.ingest', { events }, EVENTS);
    for (const message of messages) knowledge.events.set(message, { email: null, id: null, fate });
    if (number % NEVER !== 0) waiting.push(number);
    return EVENTS;
  };
  const deliver = async (n: number): Promise<number> => {
    const email = `parked-${group}-${n}@${DOMAIN}`;
    const { fate } = await patient.send('contacts.upsert', { contact: { email, external_id: idOf(n) } }, 1);
    for (const message of messagesOf(n)) {
      const known = knowledge.events.get(message);
      if (!known) continue;
      known.email = email;
      // Whether anybody has the id now is not known, so neither is where its events are.
      if (fate === 'unknown') known.fate = fate;
    }
    return 1;
  };
  return {
    step: async (r: Random) => {
      const oldest = waiting.length > r.int(WAITING) ? waiting.shift() : undefined;
      return oldest === undefined ? park() : deliver(oldest);
    },
    finish: async () => {
      for (const n of waiting.splice(0)) await deliver(n);
    },
  };
}
