/**
 * Options of queues and workers. The figures are measured: recovery after a kill follows lockDuration + stalledInterval, the gap
 * of a rolling restart follows drainDelay.
 */
import type { DefaultJobOptions, WorkerOptions } from 'bullmq';

/**
 * A chunk is tried until it is applied: `attempts: 1` because BullMQ's retries go to the tail of a lane (order would break), and
 * the processor repeats transient errors itself.
 */
export const CHUNK_JOB: DefaultJobOptions = {
  attempts: 1,
  removeOnComplete: true,
  removeOnFail: false,
};

/** A stalled job returns to the head of its queue however often its worker dies; one crash more must never drop it. */
const STALLED_FOREVER = 1_000_000_000;

export type WorkerTuning = Pick<
  WorkerOptions,
  'lockDuration' | 'stalledInterval' | 'maxStalledCount' | 'drainDelay' | 'removeOnComplete' | 'metrics'
>;

export const WORKER_TUNING: WorkerTuning = {
  lockDuration: 6_000,
  stalledInterval: 1_000,
  maxStalledCount: STALLED_FOREVER,
  drainDelay: 1,
  removeOnComplete: { count: 0 },
};
