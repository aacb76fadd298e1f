/**
 * `Prefer: wait`: waits until chunks have taken effect in both databases.
 *
 * Workers announce finished chunks on a channel of this process. An announcement only says "look now": the ledger in Postgres is
 * the judge, and it is asked every 300 ms as well, so a lost announcement costs no more than that. A chunk that caused follow-up
 * chunks (an unsubscribe event and its list) is done when those are.
 */
import { findLedger, type LedgerRow, type Pool } from '@muster/postgres';
import { doneChannel } from '@muster/queues';
import { errorFields, type Logger, type Redis } from '@muster/runtime';

const POLL_MS = 300;
/** Announcements can arrive before the answer of the enqueue that they belong to. */
const REMEMBER = 4_096;

export type WaiterOptions = { pool: Pool; redis: Redis; processId: string; log: Logger };

type Waiting = { news: Set<string>; wake: () => void };

export class JobWaiter {
  readonly #options: WaiterOptions;
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #announced = new Set<string>();
  readonly #looking = new Map<string, Promise<LedgerRow | null>>();

  constructor(options: WaiterOptions) {
    this.#options = options;
  }

  /** Listens on a connection of its own; it subscribes again by itself whenever Redis comes back. */
  start(): void {
    const { redis, processId, log } = this.#options;
    redis.on('message', (_channel: string, chunkId: string) => this.#onDone(chunkId));
    redis
      .subscribe(doneChannel(processId))
      .catch((error: unknown) => log.warn(errorFields(error), 'subscribing to finished chunks failed'));
  }

  /** Ledger rows of the chunks and of their follow-ups once all are delivered, or null when the time is up before. */
  async wait(chunkIds: Iterable<string>, ms: number): Promise<Map<string, LedgerRow> | null> {
    const deadline = Date.now() + ms;
    const done = new Map<string, LedgerRow>();
    const open = new Set<string>();
    const waiting: Waiting = { news: new Set(), wake: () => undefined };
    try {
      for (const id of chunkIds) this.#join(id, open, waiting);
      while (open.size > 0) {
        const due = waiting.news.size > 0 ? [...waiting.news] : await this.#nextDue(open, waiting, deadline);
        if (due === null) return null;
        waiting.news.clear();
        for (const row of await Promise.all(due.map((id) => this.#look(id)))) {
          if (!row?.delivered) continue;
          this.#leave(row.chunkId, waiting);
          open.delete(row.chunkId);
          done.set(row.chunkId, row);
          for (const id of row.followUps) if (!done.has(id)) this.#join(id, open, waiting);
        }
      }
      return done;
    } finally {
      for (const id of open) this.#leave(id, waiting);
    }
  }

  /** What was announced next; all that are open when nothing is for a while; null when the time is up. */
  async #nextDue(open: ReadonlySet<string>, waiting: Waiting, deadline: number): Promise<string[] | null> {
    const left = deadline - Date.now();
    if (left <= 0) return null;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(left, POLL_MS));
      waiting.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return waiting.news.size > 0 ? [...waiting.news] : [...open];
  }

  #join(chunkId: string, open: Set<string>, waiting: Waiting): void {
    open.add(chunkId);
    const others = this.#waiting.get(chunkId);
    if (others) others.add(waiting);
    else this.#waiting.set(chunkId, new Set([waiting]));
    if (this.#announced.has(chunkId)) waiting.news.add(chunkId);
  }

  #leave(chunkId: string, waiting: Waiting): void {
    const others = this.#waiting.get(chunkId);
    others?.delete(waiting);
    if (others?.size === 0) this.#waiting.delete(chunkId);
  }

  #onDone(chunkId: string): void {
    if (this.#announced.size >= REMEMBER) {
      const oldest = this.#announced.values().next().value;
      if (oldest !== undefined) this.#announced.delete(oldest);
    }
    this.#announced.add(chunkId);
    // A look-up that began before the announcement may not see what it announces.
    this.#looking.delete(chunkId);
    for (const waiting of this.#waiting.get(chunkId) ?? []) {
      waiting.news.add(chunkId);
      waiting.wake();
    }
  }

  /** One look-up at a time per chunk: the requests that share it share the answer. */
  #look(chunkId: string): Promise<LedgerRow | null> {
    const known = this.#looking.get(chunkId);
    if (known) return known;
    const looking = findLedger(this.#options.pool, chunkId)
      .catch((error: unknown) => {
        // Postgres away: the items are queued, so the caller gets its 202 when the time is up.
        this.#options.log.warn(errorFields(error), 'ledger look-up failed');
        return null;
      })
      .finally(() => {
        if (this.#looking.get(chunkId) === looking) this.#looking.delete(chunkId);
      });
    this.#looking.set(chunkId, looking);
    return looking;
  }
}
