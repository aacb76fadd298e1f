/**
 * How much one workspace has waiting, so that one tenant's flood ends in its own 503 and not in everybody's.
 *
 * Jobs of a queue are taken in the order in which they came. So a workspace's waiting items are those it brought to a queue since
 * that queue's oldest waiting job was added. Counts are kept per workspace, queue and 5 seconds in one Redis hash that all API
 * processes share; each adds what it accepted with its next sample, so the hot path pays nothing.
 *
 * Exactness: at most 5 seconds of intake too many (the bucket of the oldest job counts in full), and what a process accepted
 * since its last sample too few. The hash is read only while enough jobs wait for any workspace to be over.
 */
import { MAX_CHUNK_ITEMS, type QueueDepth, queueName, type RoutedItem } from '@muster/queues';
import type { Redis } from '@muster/runtime';

export const LOAD_KEY = 'muster:intake';
const BUCKET_MS = 5_000;
const PRUNE_EVERY_MS = 10_000;

const bucketOf = (ms: number) => Math.floor(ms / BUCKET_MS);

export class WorkspaceLoad {
  readonly #maxItems: number;
  readonly #now: () => number;
  readonly #unsent = new Map<string, number>();
  #over = new Set<number>();
  #readAt = 0;

  constructor(maxItems: number, now: () => number = Date.now) {
    this.#maxItems = maxItems;
    this.#now = now;
  }

  /** Counts items that were just acknowledged. */
  note(workspaceId: number, items: readonly RoutedItem[]): void {
    const bucket = bucketOf(this.#now());
    for (const { queue } of items) {
      const field = `${workspaceId}|${queueName(queue)}|${bucket}`;
      this.#unsent.set(field, (this.#unsent.get(field) ?? 0) + 1);
    }
  }

  isOver(workspaceId: number): boolean {
    return this.#over.has(workspaceId);
  }

  /** Shares what was counted and finds the workspaces that are over. Throws what Redis throws; counts are kept then. */
  async sync(redis: Redis, depths: readonly QueueDepth[]): Promise<void> {
    await this.#send(redis);
    const waitingJobs = depths.reduce((n, d) => n + d.waiting, 0);
    const possible = waitingJobs * MAX_CHUNK_ITEMS > this.#maxItems;
    if (!possible) this.#over = new Set();
    if (!possible && this.#now() - this.#readAt < PRUNE_EVERY_MS) return;
    this.#readAt = this.#now();
    const { waiting, done } = weigh(await redis.hgetall(LOAD_KEY), depths, bucketOf(this.#now()));
    if (possible) this.#over = new Set([...waiting].filter(([, items]) => items > this.#maxItems).map(([workspaceId]) => workspaceId));
    for (let i = 0; i < done.length; i += 1_000) await redis.hdel(LOAD_KEY, ...done.slice(i, i + 1_000));
  }

  async #send(redis: Redis): Promise<void> {
    if (this.#unsent.size === 0) return;
    const counts = [...this.#unsent];
    const pipeline = redis.pipeline();
    for (const [field, items] of counts) pipeline.hincrby(LOAD_KEY, field, items);
    await pipeline.exec();
    for (const [field, items] of counts) {
      const left = (this.#unsent.get(field) ?? 0) - items;
      if (left > 0) this.#unsent.set(field, left);
      else this.#unsent.delete(field);
    }
  }
}

/** Waiting items by workspace, and the fields whose items have all been taken. Pure. */
export function weigh(
  counts: Record<string, string>,
  depths: readonly QueueDepth[],
  currentBucket: number,
): { waiting: Map<number, number>; done: string[] } {
  const oldest = new Map(depths.map((d) => [d.queue, d.oldestMs === null ? currentBucket : bucketOf(d.oldestMs)]));
  const busy = new Set(depths.filter((d) => d.waiting > 0).map((d) => d.queue));
  const waiting = new Map<number, number>();
  const done: string[] = [];
  for (const [field, count] of Object.entries(counts)) {
    const [workspaceId = '', queue = '', bucket = ''] = field.split('|');
    if (Number(bucket) < (oldest.get(queue) ?? currentBucket)) done.push(field);
    else if (busy.has(queue)) waiting.set(Number(workspaceId), (waiting.get(Number(workspaceId)) ?? 0) + Number(count));
  }
  return { waiting, done };
}
