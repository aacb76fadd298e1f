/**
 * Runs chunk jobs. The contract with BullMQ, for every queue of chunks:
 *
 *   waiting → active → applied (the only end)
 *            active → waiting, at the head: shutdown, or a payload newer than this process
 *
 * A chunk job never fails and is never retried by BullMQ: its retries go to the tail of the queue, and an older write would then
 * overwrite a newer one. Transient errors are repeated inside the processor (the lock renews itself); what can never be applied
 * ends as rejections inside the job.
 */
import { isDataError, sqlState } from '@muster/postgres';
import { chunkHeaderSchema, PAYLOAD_VERSION, QUEUE_PREFIX, WORKER_TUNING } from '@muster/queues';
import { backoffMs, errorFields, oncePerBurst, type Redis, sleep } from '@muster/runtime';
import { type Job, WaitingError, Worker } from 'bullmq';
import type { Deps } from './deps.ts';
import { KeyRaceError } from './errors.ts';
import { isProgrammingError, type Mode } from './poison.ts';

export type ChunkHandler = {
  source: 'profile' | 'timeline' | 'custom_event';
  /** Applies the chunk; must be repeatable. `data` is the job's raw payload. */
  apply: (job: { chunkId: string; data: unknown; mode: Mode }) => Promise<void>;
  /** Ends a chunk that cannot be read or is too old: all of its items become rejections. */
  rejectAll: (job: { chunkId: string; data: unknown; reason: 'invalid_payload' | 'expired_job' }) => Promise<void>;
};

/** Crashes of its worker after which a chunk is walked. */
const WALK_AFTER_CRASHES = 1;
/** A unique key can be taken by another transaction a few times in a row; after that the items are tried one by one. */
const KEY_RACES = 5;
/** A broken connection can make a driver raise what looks like a bug of ours, once or twice. */
const PROGRAMMING_ERRORS = 3;

/** A BullMQ worker for a queue of chunks; not running yet. */
export function createChunkWorker(deps: Deps, connection: Redis, queue: string, concurrency: number, handler: ChunkHandler): Worker {
  const worker = new Worker(queue, (job, token) => process(deps, handler, job, token), {
    ...WORKER_TUNING,
    connection,
    prefix: QUEUE_PREFIX,
    concurrency,
    autorun: false,
  });
  worker.on(
    'error',
    oncePerBurst((error) => deps.log.warn({ queue, ...errorFields(error) }, 'worker error')),
  );
  worker.on('failed', (job, error) =>
    deps.log.error({ queue, job: job?.id, ...errorFields(error) }, 'a chunk job failed: its items need attention'),
  );
  return worker;
}

async function process(deps: Deps, handler: ChunkHandler, job: Job, token: string | undefined): Promise<void> {
  const chunkId = job.id ?? '';
  const header = chunkHeaderSchema.safeParse(job.data);
  if (header.success && header.data.v > PAYLOAD_VERSION) return handBack(job, token, 1_000);
  // Follow-up work keeps the acceptance of its cause, which may have been parked for long: its age is that of the job.
  const bornMs = header.success && !header.data.internal ? header.data.acc / 1_000 : job.timestamp;
  const tooOld = header.success && bornMs < Date.now() - deps.config.MUSTER_LEDGER_DAYS * 86_400_000;
  const stop = deps.metrics.chunkSeconds.startTimer({ source: handler.source });
  let mode: Mode = job.stalledCounter >= WALK_AFTER_CRASHES ? 'walk' : 'set';
  let races = 0;
  for (let attempt = 0; ; attempt += 1) {
    if (deps.stopping()) return handBack(job, token, 0);
    try {
      if (!header.success) await handler.rejectAll({ chunkId, data: job.data, reason: 'invalid_payload' });
      else if (tooOld) await handler.rejectAll({ chunkId, data: job.data, reason: 'expired_job' });
      else await handler.apply({ chunkId, data: job.data, mode });
      stop();
      return;
    } catch (error) {
      const race = error instanceof KeyRaceError || sqlState(error) === '23505';
      if (race) races += 1;
      const hopeless = isDataError(error) ? !race : isProgrammingError(error) && attempt + 1 >= PROGRAMMING_ERRORS;
      if (mode === 'set' && (hopeless || races > KEY_RACES)) mode = 'isolated';
      deps.metrics.retries.inc({ source: handler.source, code: sqlState(error) ?? (race ? 'race' : 'other') });
      if (attempt % 10 === 0)
        deps.log.warn({ queue: job.queueName, job: chunkId, attempt, mode, ...errorFields(error) }, 'chunk not applied yet, repeating');
      if (!race) await sleep(backoffMs(attempt, 50, 2_000));
    }
  }
}

/** Gives the job back to the head of its queue; it is not counted as an attempt. */
export async function handBack(job: Job, token: string | undefined, pauseMs: number): Promise<never> {
  await sleep(pauseMs);
  await job.moveToWait(token);
  throw new WaitingError();
}
