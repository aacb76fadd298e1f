/** Work in batches of a thousand, prepared before the clock starts and sent over a few connections. */
import type { BatchPath } from '../client/client.ts';
import { eachOf } from '../demo/pool.ts';
import type { Bed } from './bed.ts';
import { BATCH, WIDTH } from './options.ts';

/** Calls `make` for 0 … items − 1, a batch at a time. */
export function batches<T>(items: number, make: (n: number) => T): T[][] {
  return Array.from({ length: items / BATCH }, (_, b) => Array.from({ length: BATCH }, (_, i) => make(b * BATCH + i)));
}

/** The same as request bodies: text, so that the producer spends its time on sending. */
export function bodies(items: number, name: 'events' | 'contacts', make: (n: number) => unknown): string[] {
  return Array.from(
    { length: items / BATCH },
    (_, b) => `{"${name}":${JSON.stringify(Array.from({ length: BATCH }, (_, i) => make(b * BATCH + i)))}}`,
  );
}

/**
 * Sends bodies, each connection the next one when its last was acknowledged. No Idempotency-Key: with one, every item is a claim.
 * @returns what the answers said beside yes.
 */
export async function send(bed: Bed, path: BatchPath, all: readonly string[]): Promise<Record<string, number>> {
  const before = bed.client.stats;
  let accepted = 0;
  await eachOf(all, WIDTH, async (body) => {
    accepted += (await bed.client.sendBatch(path, body, BATCH, { idempotencyKey: null })).accepted;
  });
  const after = bed.client.stats;
  const later = (status: number): number => (after.later[status] ?? 0) - (before.later[status] ?? 0);
  return { accepted, answers_503: later(503), answers_429: later(429), lost_answers: after.lost - before.lost };
}

/** Runs `work` over batches, as many at a time as producers have connections. */
export function inBatches<T>(bed: Bed, all: readonly T[], work: (batch: T) => Promise<unknown>): Promise<void> {
  return eachOf(all, WIDTH, async (batch) => {
    bed.signal.throwIfAborted();
    await work(batch);
  });
}
