/**
 * Intake guard: says no before the queue or the databases have to. Twice a second it looks at Redis' memory, at the depth of
 * every queue and at what has not reached ClickHouse; calls that bring items in ask {@link IntakeGuard.check}, which only reads
 * the last look.
 *
 * Above 60 % of Redis' memory intake stops, because at 100 % the workers could not fetch either, and memory would never be freed.
 */
import { type Pool, undelivered } from '@muster/postgres';
import { allQueues, isLane, type QueueDepth, queueDepths, type RoutedItem } from '@muster/queues';
import { errorFields, type Logger, type Redis, sleep } from '@muster/runtime';
import { fail } from './http/errors.ts';
import { WorkspaceLoad } from './workspace-load.ts';

const SAMPLE_MS = 500;
/** While Redis is away: how soon intake opens once it is back. */
const RETRY_MS = 100;
/** With more waiting in a lane that is worked on, bigger chunks serve everybody better than earlier ones. */
const LANE_BACKLOG = 20;

export type Sample = {
  redis: { usedBytes: number; maxBytes: number; depths: QueueDepth[] } | null;
  undelivered: { rows: number; oldestSeconds: number } | null;
};
export type Limits = { maxWaitingJobs: number; maxUndelivered: number; redisHighWater: number };
export type Verdict = 'open' | 'over_capacity' | 'queue_unavailable';

/** What a sample means for intake. Pure. An unknown number of undelivered rows (Postgres away) does not close it. */
export function judge(sample: Sample, limits: Limits): Verdict {
  if (sample.redis === null) return 'queue_unavailable';
  const { usedBytes, maxBytes, depths } = sample.redis;
  const waiting = depths.reduce((n, d) => n + d.waiting, 0);
  const full = maxBytes > 0 && usedBytes > maxBytes * limits.redisHighWater;
  const behind = sample.undelivered !== null && sample.undelivered.rows > limits.maxUndelivered;
  return full || waiting > limits.maxWaitingJobs || behind ? 'over_capacity' : 'open';
}

export type GuardOptions = { redis: Redis; pool: Pool; log: Logger; lanes: number; limits: Limits; maxWorkspaceItems: number };

export class IntakeGuard {
  readonly #options: GuardOptions;
  readonly #queues: string[];
  readonly #load: WorkspaceLoad;
  readonly #abort = new AbortController();
  #sample: Sample = { redis: null, undelivered: null };
  #verdict: Verdict = 'queue_unavailable';
  #backlogged = false;
  #closed: 'starting' | 'stopping' | null = 'starting';
  #loop: Promise<void> | null = null;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#queues = allQueues(options.lanes);
    this.#load = new WorkspaceLoad(options.maxWorkspaceItems);
  }

  /** Whether the last look found Redis: without one nothing is let in. */
  get seesQueue(): boolean {
    return this.#sample.redis !== null;
  }

  get sample(): Sample {
    return this.#sample;
  }

  /** True while some lane is worked on and has more than 20 jobs waiting. */
  get backlogged(): boolean {
    return this.#backlogged;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Lets items in from now on: the number of lanes is known to be right. */
  open(): void {
    if (this.#closed === 'starting') this.#closed = null;
  }

  /** Lets no item in any more, for good: the process is about to end. */
  shut(): void {
    this.#closed = 'stopping';
  }

  /** @throws ApiError 503 with Retry-After when items cannot be taken now. */
  check(workspaceId: number): void {
    if (this.#closed === 'stopping') throw fail('shutting_down');
    if (this.#closed === 'starting') throw fail('store_unavailable');
    if (this.#verdict === 'queue_unavailable' || this.#options.redis.status !== 'ready') throw fail('queue_unavailable');
    if (this.#verdict === 'over_capacity') throw fail('over_capacity', { headers: { 'retry-after': '5' } });
    if (this.#load.isOver(workspaceId)) throw fail('workspace_over_capacity', { headers: { 'retry-after': '5' } });
  }

  /** Counts items that were just acknowledged. */
  note(workspaceId: number, items: readonly RoutedItem[]): void {
    this.#load.note(workspaceId, items);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const [redis, pending] = await Promise.all([this.#lookAtRedis(), this.#lookAtPostgres()]);
      this.#sample = { redis, undelivered: pending };
      const verdict = judge(this.#sample, this.#options.limits);
      if (verdict !== this.#verdict) this.#options.log.info({ verdict }, 'intake changed');
      this.#verdict = verdict;
      this.#backlogged = redis?.depths.some((d) => isLane(d.queue) && d.active > 0 && d.waiting > LANE_BACKLOG) ?? false;
      await sleep(redis ? SAMPLE_MS : RETRY_MS, this.#abort.signal);
    }
  }

  async #lookAtRedis(): Promise<Sample['redis']> {
    const { redis, log } = this.#options;
    try {
      const [memory, depths] = await Promise.all([redis.info('memory'), queueDepths(redis, this.#queues)]);
      await this.#load.sync(redis, depths);
      return { usedBytes: infoNumber(memory, 'used_memory'), maxBytes: infoNumber(memory, 'maxmemory'), depths };
    } catch (error) {
      log.debug(errorFields(error), 'queue sample failed');
      return null;
    }
  }

  async #lookAtPostgres(): Promise<Sample['undelivered']> {
    try {
      return await undelivered(this.#options.pool);
    } catch (error) {
      this.#options.log.debug(errorFields(error), 'ledger sample failed');
      return null;
    }
  }
}

/** A number of Redis' INFO answer; 0 when it is not there. */
export function infoNumber(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)\\r?$`, 'm').exec(info)?.[1] ?? 0);
}
