/** Custom events that are written again and again; the last write wins. What step n says follows from its key and n alone. */
import { type Random, random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';
import { nextStep, noteFate } from './record.ts';

export const EVENT_NAME = 'chaos_order';
const KEYS = 60;
const BATCH = 40;
const SINGLES = 0.3;

export type CustomState = { email: string; deleted: boolean };

/** Whose it is after step n of a key, and whether it is deleted then: it moves between three people, and is deleted now and then. */
export function customState(key: string, step: number): CustomState {
  const r = random(step, key, 0);
  return { email: `order-${r.int(3)}-${key}@${DOMAIN}`, deleted: r.chance(0.15) };
}

export function customEvents({ knowledge, patient }: ProducerDeps, group: number): Producer {
  const keys = Array.from({ length: KEYS }, (_, n) => `o-${group}-${n}`);
  const item = ([key, step]: readonly [string, number]) => {
    const { email, deleted } = customState(key, step);
    return {
      event_name: EVENT_NAME,
      external_id: key,
      email,
      occurred_at: new Date(1_700_000_000_000 + step * 1_000).toISOString(),
      goal_type: 'purchase',
      goal_value: step,
      properties: { step },
      ...(deleted ? { deleted_at: '2026-01-01T00:00:00Z' } : {}),
    };
  };
  return {
    step: async (r: Random) => {
      const count = r.chance(SINGLES) ? 1 : BATCH;
      const first = r.int(KEYS);
      const sent = Array.from({ length: count }, (_, n) => keys[(first + n) % KEYS] ?? '').map(
        (key) => [key, nextStep(knowledge.customEvents, key)] as const,
      );
      const items = sent.map(item);
      const { fate } =
        count === 1
          ? await patient.send('customEvents.upsert', items[0], 1)
          : await patient.send('customEvents.import', { events: items }, count);
      noteFate(knowledge.customEvents, sent, fate);
      return count;
    },
  };
}
