/** Depths of the queues, seen from Redis itself: what waits, what is being worked on, what failed. */
import { createLogger, producerConnection, type Redis } from '@muster/runtime';

export type QueueDepth = { queue: string; waiting: number; active: number; failed: number };

/**
 * Their jobs carry no items and come back by themselves, for ever: sweeps, and evaluations of segments, of which one lasts as long as
 * something changes or windows pass, and one that fails is followed by another. Segments are compared in the end.
 */
const WITHOUT_ITEMS: readonly string[] = ['maintenance', 'segments'];
/** Every queue has such a key from the start of its first worker. */
const META = ':meta';

export class QueueWatch {
  readonly #redis: Redis;
  #bases: readonly string[] = [];

  /** @param url Redis itself, without anything between that could fail. */
  constructor(url: string) {
    this.#redis = producerConnection(url, createLogger('chaos', 'silent'));
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Queues that hold something. @throws while Redis is away. */
  async depths(): Promise<QueueDepth[]> {
    const found: QueueDepth[] = [];
    for (const base of await this.#queues()) {
      const [waiting, active, failed] = await Promise.all([
        this.#redis.llen(`${base}:wait`),
        this.#redis.llen(`${base}:active`),
        this.#redis.zcard(`${base}:failed`),
      ]);
      if (waiting + active + failed > 0) found.push({ queue: nameOf(base), waiting, active, failed });
    }
    return found;
  }

  /** A queue that still holds a job that was added before this time (ms), or null when none does. @throws while Redis is away. */
  async holderOfAddedBefore(time: number): Promise<string | null> {
    for (const base of await this.#queues()) {
      // First in, first out: the oldest job that waits is the last of the list.
      const ids = [await this.#redis.lindex(`${base}:wait`, -1), ...(await this.#redis.lrange(`${base}:active`, 0, -1))];
      for (const id of ids) {
        const added = id === null ? null : await this.#redis.hget(`${base}:${id}`, 'timestamp');
        if (added !== null && Number(added) < time) return nameOf(base);
      }
    }
    return null;
  }

  /** How many jobs wait in all queues. @throws while Redis is away. */
  async waiting(): Promise<number> {
    return (await this.depths()).reduce((sum, depth) => sum + depth.waiting, 0);
  }

  /** Key prefixes of the queues; there are no others once the workers have started. */
  async #queues(): Promise<readonly string[]> {
    if (this.#bases.length > 0) return this.#bases;
    const bases = new Set<string>();
    for (let cursor = '0'; ; ) {
      const [next, keys] = await this.#redis.scan(cursor, 'MATCH', `*${META}`, 'COUNT', 5_000);
      for (const key of keys) bases.add(key.slice(0, -META.length));
      if (next === '0') break;
      cursor = next;
    }
    this.#bases = [...bases].filter((base) => !WITHOUT_ITEMS.includes(nameOf(base))).sort();
    return this.#bases;
  }
}

const nameOf = (base: string): string => base.slice(base.lastIndexOf(':') + 1);
