/**
 * Basic authentication with a limit on wrong tries.
 *
 * Each address has a bucket of wrong tries: five at once, one more a second. While it is empty every request with credentials is
 * refused unseen, a right password too: otherwise guessing at full speed would find it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

export type LoginOptions = {
  user: string;
  password: string;
  /** Address that a request came from. */
  addressOf: (c: Parameters<MiddlewareHandler>[0]) => string;
  clock?: () => number;
  onWrongTry?: () => void;
};

const BURST = 5;
const REFILL_MS = 1_000;
/** Addresses remembered; beyond that the oldest go (a full bucket is what a forgotten one has). */
const MAX_ADDRESSES = 10_000;

export function login(options: LoginOptions): MiddlewareHandler {
  const tries = new WrongTries(options.clock ?? Date.now);
  const expected = [digest(options.user), digest(options.password)] as const;
  return async (c, next) => {
    const given = readBasic(c.req.header('authorization'));
    if (given) {
      const address = options.addressOf(c);
      if (tries.exhausted(address)) return c.text('Too many wrong tries. Wait a moment.', 429, { 'retry-after': '1' });
      // Both are always compared, so that the time taken does not tell which one was wrong.
      const user = timingSafeEqual(digest(given.user), expected[0]);
      const password = timingSafeEqual(digest(given.password), expected[1]);
      if (user && password) return next();
      tries.note(address);
      options.onWrongTry?.();
    }
    return c.text('Log in.', 401, { 'www-authenticate': 'Basic realm="Muster", charset="UTF-8"' });
  };
}

/** Digests have one length whatever was typed: `timingSafeEqual` needs equal ones. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function readBasic(header: string | undefined): { user: string; password: string } | null {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
  if (!encoded) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

class WrongTries {
  readonly #clock: () => number;
  /** By address: the time at which its bucket is full again. */
  readonly #fullAt = new Map<string, number>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  exhausted(address: string): boolean {
    return (this.#fullAt.get(address) ?? 0) - this.#clock() > (BURST - 1) * REFILL_MS;
  }

  note(address: string): void {
    const fullAt = Math.max(this.#fullAt.get(address) ?? 0, this.#clock()) + REFILL_MS;
    this.#fullAt.delete(address);
    this.#fullAt.set(address, fullAt);
    const oldest = this.#fullAt.keys().next();
    if (this.#fullAt.size > MAX_ADDRESSES && !oldest.done) this.#fullAt.delete(oldest.value);
  }
}
