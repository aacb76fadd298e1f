/**
 * Who is calling. Keys are looked up in Postgres and remembered for a second, unknown ones too: a revoked key works for at most a
 * second longer, and a flood of wrong keys costs one look-up each per second.
 *
 * While Postgres is away, a grant seen within the last minute still lets items in: the queue can take them, and refusing would
 * lose what producers send. Reads need Postgres anyway.
 */
import { findGrant, type KeyGrant, type Pool, type Scope } from '@muster/postgres';
import { fail } from './http/errors.ts';
import { fromPostgres } from './http/failures.ts';

const FRESH_MS = 1_000;
const STALE_MS = 60_000;
const MAX_KEYS = 10_000;

type Entry = { grant: KeyGrant | null; checkedAt: number; retryAt: number };

export class KeyCache {
  readonly #pool: Pool;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #loading = new Map<string, Promise<KeyGrant | null>>();

  constructor(pool: Pool, now: () => number = Date.now) {
    this.#pool = pool;
    this.#now = now;
  }

  /** The grant of a key when it is fresh in the cache: lets the hot path go without a turn of the event loop. */
  fresh(key: string): KeyGrant | null | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#now() - entry.checkedAt < FRESH_MS ? entry.grant : undefined;
  }

  /** The grant of a key, null when unknown or revoked. `mayBeStale` allows a grant of the last minute while Postgres is away. */
  async find(key: string, mayBeStale: boolean): Promise<KeyGrant | null> {
    const fresh = this.fresh(key);
    if (fresh !== undefined) return fresh;
    const known = this.#entries.get(key);
    const usable = mayBeStale && known?.grant && this.#now() - known.checkedAt < STALE_MS ? known : null;
    if (usable && this.#now() < usable.retryAt) return usable.grant;
    try {
      return await this.#load(key);
    } catch (error) {
      if (!usable) throw error;
      // One caller a second finds out whether Postgres is back; the others do not wait for its time-out.
      usable.retryAt = this.#now() + FRESH_MS;
      return usable.grant;
    }
  }

  #load(key: string): Promise<KeyGrant | null> {
    let loading = this.#loading.get(key);
    if (!loading) {
      loading = fromPostgres(findGrant(this.#pool, key))
        .then((grant) => {
          this.#remember(key, grant);
          return grant;
        })
        .finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  #remember(key: string, grant: KeyGrant | null): void {
    this.#entries.delete(key);
    if (this.#entries.size >= MAX_KEYS) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { grant, checkedAt: this.#now(), retryAt: 0 });
  }
}

/** @throws ApiError 403 unless the grant has one of the scopes; `admin` has all. */
export function requireScope(grant: KeyGrant, anyOf: readonly Scope[]): void {
  if (grant.scopes.has('admin') || anyOf.some((scope) => grant.scopes.has(scope))) return;
  throw fail('forbidden_scope', { message: `This call needs a key with the scope ${anyOf.join(' or ')}.` });
}
