/**
 * Activity events. Each has a message_id of its own, which tells it from any other; some have a producer's id as well. Those are
 * sometimes sent again in another request, and are sent again when their fate is unknown.
 */
import type { Random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';
import type { EventRecord } from './record.ts';

const CONTACTS = 60;
const BATCH = 60;
const SINGLES = 0.2;
const WITH_IDS = 0.5;
const SENT_AGAIN = 0.15;
/** Of those whose fate is unknown, as many are sent again in one request. */
const SENT_LATER = 200;

type Event = { kind: string; email: string; message_id: string; id?: string; occurred_at?: string };

export function events({ knowledge, hasty }: ProducerDeps, group: number): Producer {
  let number = 0;
  let unknown: Event[] = [];
  const make = (r: Random, withId: boolean): Event => {
    number += 1;
    const event: Event = {
      kind: r.pick(['open_email', 'click_email', 'insert_message_history']),
      email: `event-${group}-${r.int(CONTACTS)}@${DOMAIN}`,
      message_id: `m-${group}-${number}`,
    };
    if (withId) event.id = `id-${group}-${number}`;
    // Without a time of its own an event that slips through the claims has another place in the order, and stays a second row.
    if (r.chance(0.3)) event.occurred_at = new Date(1_700_000_000_000 + number * 1_000).toISOString();
    return event;
  };
  const send = async (batch: readonly Event[]): Promise<EventRecord['fate']> => {
    for (const { message_id, email, id } of batch) {
      const known = knowledge.events.get(message_id);
      if (!known) knowledge.events.set(message_id, { email, id: id ?? null, fate: 'unknown' });
    }
    const { fate } = await hasty.send('timeline.ingest', { events: batch }, batch.length);
    if (fate === 'acknowledged')
      for (const { message_id } of batch) {
        const known = knowledge.events.get(message_id);
        if (known) known.fate = fate;
      }
    return fate;
  };
  return {
    step: async (r: Random) => {
      if (unknown.length > 0 && r.chance(0.5)) {
        const batch = unknown;
        unknown = [];
        if ((await send(batch)) === 'unknown') unknown = batch;
        return batch.length;
      }
      const withId = r.chance(WITH_IDS);
      const batch = Array.from({ length: r.chance(SINGLES) ? 1 : BATCH }, () => make(r, withId));
      const fate = await send(batch);
      if (fate === 'unknown' && withId) unknown = [...unknown, ...batch].slice(-SENT_LATER);
      if (fate === 'unknown' || !withId || !r.chance(SENT_AGAIN)) return batch.length;
      await send(batch);
      return batch.length * 2;
    },
  };
}
