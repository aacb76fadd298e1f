/** The queue of evaluations, and the sweep behind it: no mark, edge, build or deletion waits longer than a second for lack of a job. */
import { workspacesWithSegments } from '@muster/postgres';
import { evaluationSchema, QUEUE_PREFIX, SEGMENTS_QUEUE, WORKER_TUNING, workspacesToLookAt } from '@muster/queues';
import { errorFields, oncePerBurst, type Redis } from '@muster/runtime';
import { Worker } from 'bullmq';
import type { Deps } from './deps.ts';
import { evaluateWorkspace } from './evaluator.ts';
import { createMemory, forgetEvaluations, type Memory } from './state.ts';

const SWEEP_MS = 1_000;
/** Members are remembered of so many workspaces, those that were evaluated last. */
const REMEMBERED = 8;

/** The worker of the queue, not running yet. A job that fails is nothing lost: what it was for is in Redis and Postgres, and the sweep asks again. */
export function createEvaluationWorker(deps: Deps, connection: Redis): Worker {
  const memories = new Map<number, Memory>();
  const evaluate = async (workspaceId: number): Promise<void> => {
    const memory = memories.get(workspaceId) ?? createMemory(deps.config.MUSTER_SEGMENT_STEP_CONTACTS);
    memories.set(workspaceId, memory);
    try {
      await evaluateWorkspace(deps, workspaceId, memory);
    } finally {
      // The last one of the map is the one whose turn ended last.
      memories.delete(workspaceId);
      memories.set(workspaceId, memory);
      const tooMany = [...memories.values()].at(-1 - REMEMBERED);
      if (tooMany) forgetEvaluations(tooMany);
    }
  };
  const worker = new Worker(SEGMENTS_QUEUE, (job) => evaluate(evaluationSchema.parse(job.data).ws), {
    ...WORKER_TUNING,
    connection,
    prefix: QUEUE_PREFIX,
    concurrency: deps.config.MUSTER_SEGMENT_CONCURRENCY,
    autorun: false,
  });
  worker.on(
    'error',
    oncePerBurst((error) => deps.log.warn(errorFields(error), 'evaluation worker error')),
  );
  worker.on('failed', (job, error) => deps.log.warn({ job: job?.id, ...errorFields(error) }, 'an evaluation failed; the sweep asks again'));
  return worker;
}

/** Asks for the evaluation of every workspace in which something waits. Returns how to stop it. */
export function startSweep(deps: Deps): () => void {
  let running = false;
  const timer = setInterval(() => {
    if (running || deps.stopping()) return;
    running = true;
    sweep(deps)
      .catch((error: unknown) => deps.log.warn(errorFields(error), 'sweep failed, the next one repeats it'))
      .finally(() => {
        running = false;
      });
  }, SWEEP_MS);
  return () => clearInterval(timer);
}

async function sweep(deps: Deps): Promise<void> {
  const workspaces = await workspacesWithSegments(deps.pool);
  const waiting = new Set(
    await workspacesToLookAt(
      deps.redis,
      workspaces.map((w) => w.workspaceId),
    ),
  );
  for (const { workspaceId, due } of workspaces) if (due || waiting.has(workspaceId)) await deps.requests.request(workspaceId);
}
