/**
 * Token bucket per key, in items a second; a second's worth may come at once. A batch larger than what is left passes when the
 * bucket is not empty and puts it into debt, so that a limit below the size of a batch slows the batches down instead of refusing
 * them for ever. Counted per API process.
 */
import { fail } from './http/errors.ts';

type Bucket = { tokens: number; at: number };
const MAX_BUCKETS = 10_000;

export class RateLimiter {
  readonly #now: () => number;
  readonly #buckets = new Map<number, Bucket>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @throws ApiError 429 with Retry-After while the key's bucket is empty. */
  check(keyId: number, perSecond: number | null): void {
    if (perSecond === null) return;
    const bucket = this.#refill(keyId, perSecond);
    if (bucket.tokens > 0) return;
    const seconds = Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
    throw fail('rate_limited', { headers: { 'retry-after': String(seconds) } });
  }

  /** Takes `items` tokens for a request that {@link check} let through. */
  charge(keyId: number, perSecond: number | null, items: number): void {
    if (perSecond !== null) this.#refill(keyId, perSecond).tokens -= items;
  }

  #refill(keyId: number, perSecond: number): Bucket {
    const now = this.#now();
    let bucket = this.#buckets.get(keyId);
    if (!bucket) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
      bucket = { tokens: perSecond, at: now };
      this.#buckets.set(keyId, bucket);
    }
    bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    return bucket;
  }
}
