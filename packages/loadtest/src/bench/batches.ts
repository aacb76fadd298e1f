/** Work in batches of a thousand, prepared before the clock starts and sent over a few connections. */
import { setImmediate } from 'node:timers/promises';
import type { BatchPath } from '../client/client.ts';
import { eachOf } from '../demo/pool.ts';
import { type Bed, mustBe } from './bed.ts';
import { BATCH, WIDTH } from './options.ts';

/** Calls `make` for 0 … items − 1, a batch at a time. */
export function batches<T>(bed: Bed, items: number, make: (n: number) => T): Promise<T[][]> {
  return prepare(bed, items, make, (batch) => batch);
}

/** The same as request bodies: text, so that the producer spends its time on sending. */
export function bodies(bed: Bed, items: number, name: 'events' | 'contacts', make: (n: number) => unknown): Promise<string[]> {
  return prepare(bed, items, make, (batch) => `{"${name}":${JSON.stringify(batch)}}`);
}

/** A million items take seconds: after each batch there is a turn for whatever else waits, Ctrl-C too. */
async function prepare<T, B>(bed: Bed, items: number, make: (n: number) => T, pack: (batch: T[]) => B): Promise<B[]> {
  const all: B[] = [];
  for (let from = 0; from < items; from += BATCH) {
    all.push(pack(Array.from({ length: BATCH }, (_, i) => make(from + i))));
    await setImmediate();
    bed.signal.throwIfAborted();
  }
  return all;
}

/**
 * Sends bodies, each connection the next one when its last was acknowledged. No Idempotency-Key: with one, every item is a claim.
 * @returns what the answers said beside yes. @throws BenchError when an item was not accepted.
 */
export async function send(bed: Bed, path: BatchPath, all: readonly string[]): Promise<Record<string, number>> {
  const before = bed.client.stats;
  let accepted = 0;
  await eachOf(all, WIDTH, async (body) => {
    const answer = await bed.client.sendBatch(path, body, BATCH, { idempotencyKey: null });
    accepted += answer.accepted;
  });
  mustBe(`${path}: accepted items`, all.length * BATCH, accepted);
  const after = bed.client.stats;
  const later = (status: number): number => (after.later[status] ?? 0) - (before.later[status] ?? 0);
  return { answers_503: later(503), answers_429: later(429), lost_answers: after.lost - before.lost };
}

/** Runs `work` over batches, as many at a time as producers have connections. */
export function inBatches<T>(bed: Bed, all: readonly T[], work: (batch: T) => Promise<unknown>): Promise<void> {
  return eachOf(all, WIDTH, async (batch) => {
    bed.signal.throwIfAborted();
    await work(batch);
  });
}
