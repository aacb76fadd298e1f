/** Looking at queues from outside: jobs by id, depths, and asking for maintenance. */
import type { Redis } from '@muster/runtime';
import { Queue } from 'bullmq';
import { MAINTENANCE_QUEUE, QUEUE_PREFIX, type QueueRef, queueName } from './names.ts';
import { type MaintenanceJob, PAYLOAD_VERSION } from './payloads.ts';

export type QueueDepth = {
  queue: string;
  waiting: number;
  /** Chunks being worked on. */
  active: number;
  /** When the oldest waiting job was added (ms), null when none waits. */
  oldestMs: number | null;
};

/** Depth and oldest job of each queue, in two round trips. */
export async function queueDepths(redis: Redis, queues: readonly string[]): Promise<QueueDepth[]> {
  const lists = redis.pipeline();
  for (const queue of queues) {
    const key = `${QUEUE_PREFIX}:${queue}`;
    lists.llen(`${key}:wait`).llen(`${key}:active`).lindex(`${key}:wait`, -1);
  }
  const answers = unwrap(await lists.exec());
  const depths = queues.map((queue, i) => {
    const [waiting, active, head] = answers.slice(3 * i, 3 * i + 3);
    return { queue, waiting: Number(waiting ?? 0), active: Number(active ?? 0), head };
  });
  const heads = redis.pipeline();
  const busy = depths.filter((d) => typeof d.head === 'string');
  for (const d of busy) heads.hget(`${QUEUE_PREFIX}:${d.queue}:${String(d.head)}`, 'timestamp');
  const times = busy.length > 0 ? unwrap(await heads.exec()) : [];
  const oldest = new Map(busy.map((d, i) => [d.queue, times[i] == null ? null : Number(times[i])]));
  return depths.map(({ head: _, ...depth }) => ({ ...depth, oldestMs: oldest.get(depth.queue) ?? null }));
}

/** Chunks that wait or are being worked on, over the given queues of items. */
export async function activeChunks(redis: Redis, queues: readonly string[]): Promise<number> {
  const lists = redis.pipeline();
  for (const queue of queues) lists.llen(`${QUEUE_PREFIX}:${queue}:wait`).llen(`${QUEUE_PREFIX}:${queue}:active`);
  return unwrap(await lists.exec()).reduce<number>((sum, n) => sum + Number(n), 0);
}

function unwrap(results: [Error | null, unknown][] | null): unknown[] {
  return (results ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

export type JobSighting = { workspaceId: number; state: 'queued' | 'running' };

/** Reads jobs and adds maintenance work; holds one BullMQ handle per queue. */
export class QueueInspector {
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** A chunk that is waiting or being worked on, or null. */
  async findChunk(ref: QueueRef, chunkId: string): Promise<JobSighting | null> {
    const job = await this.#queue(queueName(ref)).getJob(chunkId);
    if (!job) return null;
    const data: unknown = job.data;
    if (typeof data !== 'object' || data === null || !('ws' in data) || typeof data.ws !== 'number') return null;
    return { workspaceId: data.ws, state: (await job.getState()) === 'active' ? 'running' : 'queued' };
  }

  /** Asks for a maintenance task now; asked again while it waits, it still runs once. */
  async requestMaintenance(task: MaintenanceJob['task']): Promise<void> {
    const data: MaintenanceJob = { v: PAYLOAD_VERSION, task };
    await this.#queue(MAINTENANCE_QUEUE).add(task, data, {
      deduplication: { id: task, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new Queue(name, { connection: this.#redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
      // The connection logs its own errors; without a listener they would end the process.
      queue.on('error', () => undefined);
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
