/**
 * Writers beside a measurement: activity events through the API at a steady rate, of contacts chosen by Zipf's law. Events are due at
 * fixed times (open loop), so a system that falls behind is seen to.
 */
import { sleep } from '@muster/runtime';
import { MusterClient } from '../../client/client.ts';
import { contactPicker } from '../../load/contacts.ts';
import { openLoop, type Paced } from '../../load/pace.ts';
import { random, weighted } from '../../random.ts';
import type { Bed } from '../bed.ts';
import type { World } from './world.ts';
import { emailOf } from './world-rows.ts';

const RATE = 5_000;
/** A request every twenty milliseconds. */
const ITEMS = 100;
const CONNECTIONS = 16;
/** A prime: busy contacts lie spread over the ids, as they do where people come and go. */
const STRIDE = 611_953;

/** Shares of the kinds; unsubscriptions are few, and none of the contacts has a list to leave in Postgres. */
export const KIND_SHARES = {
  insert_message_history: 448,
  open_email: 380,
  click_email: 140,
  bounce_email: 30,
  unsubscribe_email: 2,
} as const;
export type Kind = keyof typeof KIND_SHARES;

export const writersRate = (scale: number): number => Math.min(RATE, Math.max(2 * ITEMS, RATE * scale));

export type Writers = {
  /** Events that were acknowledged so far. */
  readonly sent: () => number;
  /** Ends the sending. @throws what made it end early */
  stop(): Promise<Paced>;
};

export function startWriters(bed: Bed, world: World, tag: string): Writers {
  const { SCALE, SEED } = bed.options;
  const client = new MusterClient({
    ...{ baseUrl: bed.stack.apiUrl, key: bed.stack.devKey, connections: CONNECTIONS, signal: bed.signal },
    giveUpAfterMs: 300_000,
  });
  const pick = contactPicker(world.contacts, 1);
  const ending = new AbortController();
  let requests = 0;
  let sent = 0;
  const next = () => {
    const r = random(SEED, `writers-${tag}`, requests++);
    const events = Array.from({ length: ITEMS }, (_, n) =>
      eventText(r, 1 + ((pick(r) * STRIDE) % world.contacts), `${tag}-${requests}-${n}`),
    );
    return { call: 'event_batch' as const, items: ITEMS, body: `{"events":[${events.join(',')}]}`, again: false };
  };
  const running = openLoop(
    {
      clock: { now: () => performance.now(), sleep: (ms) => sleep(ms, ending.signal) },
      durationMs: Number.MAX_SAFE_INTEGER,
      width: CONNECTIONS,
      stopped: () => ending.signal.aborted || bed.signal.aborted,
      send: async ({ body, items }) => {
        await client.sendBatch('/api/timeline.ingest', body, items, { idempotencyKey: null });
        sent += items;
      },
    },
    [{ itemsPerSecond: writersRate(SCALE), items: ITEMS, next }],
  );
  // Whoever stops them gets the failure; until then it must not end the process.
  running.catch(() => undefined);
  return {
    sent: () => sent,
    stop: async () => {
      ending.abort();
      try {
        return await running;
      } finally {
        client.close();
      }
    },
  };
}

function eventText(r: ReturnType<typeof random>, contactId: number, id: string): string {
  const kind = weighted(r, KIND_SHARES);
  const link = kind === 'click_email' ? `"link_url":"https://shop.example/p/${r.int(500)}?utm_source=mail",` : '';
  const properties = kind === 'bounce_email' ? '{"bounce_type":"transient","code":450}' : `{"agent":"Outlook 365","position":${r.int(12)}}`;
  return `{"email":"${emailOf(contactId)}","kind":"${kind}","message_id":"m-${id}","template_id":"tpl-${r.int(40)}","campaign_id":"now-${r.int(20)}",${link}"properties":${properties}}`;
}
