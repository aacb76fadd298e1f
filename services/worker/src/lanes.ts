/** Starts the chunk workers of a process: every profile lane, every custom-event lane, and the timeline. */
import { customEventQueue, profileQueue, QUEUE_PREFIX, TIMELINE_QUEUE } from '@muster/queues';
import { errorFields } from '@muster/runtime';
import { Queue, type Worker } from 'bullmq';
import { createChunkWorker } from './chunk-runner.ts';
import { customEventHandler } from './custom-events/handler.ts';
import type { Deps } from './deps.ts';
import { profileHandler } from './profile/handler.ts';
import { timelineHandler } from './timeline/handler.ts';
import type { QueueSample } from './watchdog.ts';

const REASSERT_MS = 10_000;

export type Lanes = { stop: () => Promise<void>; sample: () => Promise<QueueSample[]> };

/**
 * Lanes work on one job at a time over all processes (BullMQ's global concurrency). That number lives in Redis, outside the
 * code, so it is set before a lane's worker starts and asserted again every 10 s.
 */
export async function startLanes(deps: Deps): Promise<Lanes> {
  const numbers = Array.from({ length: deps.config.MUSTER_LANES }, (_, lane) => lane);
  const lanes = [
    ...numbers.map((lane) => ({ name: profileQueue(lane), handler: profileHandler(deps, lane) })),
    ...numbers.map((lane) => ({ name: customEventQueue(lane), handler: customEventHandler(deps, lane) })),
  ];
  const queues = lanes.map(({ name }) => {
    const queue = new Queue(name, { connection: deps.redis, prefix: QUEUE_PREFIX });
    queue.on('error', (error) => deps.log.debug(errorFields(error), 'queue error'));
    return queue;
  });
  const assertOneAtATime = () => Promise.all(queues.map((q) => q.setGlobalConcurrency(1)));
  await assertOneAtATime();
  const timeline = createChunkWorker(deps, deps.redis, TIMELINE_QUEUE, deps.config.MUSTER_TIMELINE_CONCURRENCY, timelineHandler(deps));
  const workers = [...lanes.map(({ name, handler }) => createChunkWorker(deps, deps.redis, name, 1, handler)), timeline];
  const takenAt = new Map<string, number>();
  for (const worker of workers) {
    takenAt.set(worker.name, Date.now());
    worker.on('active', () => takenAt.set(worker.name, Date.now()));
    run(deps, worker);
  }
  const timer = setInterval(() => {
    assertOneAtATime().catch((error: unknown) => deps.log.warn(errorFields(error), 'could not assert the lanes'));
  }, REASSERT_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(workers.map((w) => w.close()));
      await Promise.all(queues.map((q) => q.close()));
    },
    sample: async () => {
      const pipeline = deps.redis.pipeline();
      for (const w of workers) pipeline.llen(`${QUEUE_PREFIX}:${w.name}:wait`).llen(`${QUEUE_PREFIX}:${w.name}:active`);
      const answers = (await pipeline.exec()) ?? [];
      return workers.map((w, n) => ({
        queue: w.name,
        waiting: Number(answers[n * 2]?.[1] ?? 0),
        active: Number(answers[n * 2 + 1]?.[1] ?? 0),
        lastTakenAt: takenAt.get(w.name) ?? 0,
      }));
    },
  };
}

function run(deps: Deps, worker: Worker): void {
  worker.run().catch((error: unknown) => deps.log.error({ queue: worker.name, ...errorFields(error) }, 'worker stopped'));
}
