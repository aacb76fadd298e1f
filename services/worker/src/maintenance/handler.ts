/**
 * Background work, as jobs of one queue so that the board shows it: a sweep every few seconds, and one at night. Every task is
 * repeatable; one that fails is simply done by the next run.
 */
import { foldLedger, listWorkspaces, markCompacted, pruneRejections, undelivered } from '@muster/postgres';
import {
  claimWindowSeconds,
  itemQueues,
  MAINTENANCE_QUEUE,
  type MaintenanceJob,
  maintenanceSchema,
  PAYLOAD_VERSION,
  purgeDroppedClaims,
  QUEUE_PREFIX,
  WORKER_TUNING,
} from '@muster/queues';
import { errorFields, type Redis, redisMicros, sleep } from '@muster/runtime';
import { Queue, Worker } from 'bullmq';
import type { Deps } from '../deps.ts';
import { tendImports } from '../imports/queue.ts';
import { sweepParked } from '../parking.ts';
import { sweepErasures } from './erasure-sweep.ts';
import { workOffHiddenLists } from './list-removal.ts';
import { tendSegments } from './segments.ts';

const FOLD_ROWS = 5_000;
const REASSERT_MS = 10_000;

/** The maintenance worker (not running yet) and its schedules. */
export async function createMaintenance(deps: Deps, connection: Redis): Promise<{ worker: Worker; queue: Queue }> {
  const queue = new Queue(MAINTENANCE_QUEUE, { connection, prefix: QUEUE_PREFIX });
  queue.on('error', (error) => deps.log.warn(errorFields(error), 'maintenance queue error'));
  await queue.setGlobalConcurrency(1);
  const job = (task: MaintenanceJob['task']) => ({
    name: task,
    data: { v: PAYLOAD_VERSION, task },
    opts: { attempts: 1, removeOnComplete: { count: 20 }, removeOnFail: { count: 20 } },
  });
  const schedule = async () => {
    await queue.upsertJobScheduler('sweep', { every: deps.config.MUSTER_SWEEP_SECONDS * 1_000 }, job('sweep'));
    await queue.upsertJobScheduler('nightly', { pattern: '17 3 * * *' }, job('nightly'));
  };
  await schedule();
  // Schedules live in Redis: when it lost its data, nobody would sweep again before the next start of a worker.
  const assertion = setInterval(() => {
    queue
      .getJobScheduler('sweep')
      .then((found) => (found ? undefined : schedule()))
      .catch((error: unknown) => deps.log.warn(errorFields(error), 'could not assert the schedules'));
  }, REASSERT_MS);
  const worker = new Worker(MAINTENANCE_QUEUE, (j) => run(deps, maintenanceSchema.parse(j.data).task), {
    ...WORKER_TUNING,
    connection,
    prefix: QUEUE_PREFIX,
    concurrency: 1,
    autorun: false,
    removeOnComplete: { count: 20 },
  });
  worker.on('closing', () => clearInterval(assertion));
  worker.on('error', (error) => deps.log.warn(errorFields(error), 'maintenance worker error'));
  worker.on('failed', (j, error) =>
    deps.log.warn({ task: j?.name, ...errorFields(error) }, 'a maintenance task failed; the next run repeats it'),
  );
  return { worker, queue };
}

async function run(deps: Deps, task: MaintenanceJob['task']): Promise<Record<string, number>> {
  if (task === 'erasures') return { clean: await sweepErasures(deps) };
  if (task === 'nightly') return nightly(deps);
  const [delivered, expired] = await sweepParked(deps);
  const removed = await workOffHiddenLists(deps);
  const clean = await sweepErasures(deps);
  const folded = await foldLedger(deps.pool, deps.config.MUSTER_LEDGER_DAYS, FOLD_ROWS);
  const pruned = await pruneRejections(deps.pool, deps.config.MUSTER_REJECTION_DAYS);
  const imports = await tendImports(deps);
  const now = await redisMicros(deps.redis);
  for (const { workspaceId, name } of await listWorkspaces(deps.pool)) {
    await purgeDroppedClaims(deps.redis, workspaceId);
    deps.metrics.claimWindow.set({ workspace: name }, await claimWindowSeconds(deps.redis, workspaceId, now));
  }
  deps.metrics.failedJobs.set(await failedJobs(deps));
  deps.metrics.undelivered.set((await undelivered(deps.pool)).rows);
  return { delivered, expired, removed, clean, folded, pruned, ...imports };
}

/** Compaction: what erased people left in dead rows of Postgres and in Redis' log goes. Then the segments' turn. */
async function nightly(deps: Deps): Promise<Record<string, number>> {
  const started = new Date();
  // VACUUM cannot run inside a transaction and may take longer than a worker's statements may.
  const client = await deps.sidePool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    for (const table of [
      'contacts',
      'contact_lists',
      'custom_event_heads',
      'rejections',
      'parked_items',
      'job_ledger',
      'imports',
      'import_rejects',
    ])
      await client.query(`VACUUM ${table}`);
  } finally {
    await client.query('RESET statement_timeout').finally(() => client.release());
  }
  await rewriteRedisLog(deps.redis);
  await markCompacted(deps.pool, started);
  return { clean: await sweepErasures(deps), ...(await tendSegments(deps)) };
}

/** Rewrites Redis' append-only file and waits for it: until then the log still holds the jobs of erased people. */
async function rewriteRedisLog(redis: Redis): Promise<void> {
  await redis.bgrewriteaof();
  for (;;) {
    await sleep(200);
    const info = await redis.info('persistence');
    if (/aof_rewrite_(in_progress|scheduled):1/.test(info)) continue;
    if (!/aof_last_bgrewrite_status:ok/.test(info)) throw new Error('Redis could not rewrite its append-only file');
    return;
  }
}

/** Chunk jobs in a failed set: always 0, or items need attention. Maintenance and evaluations carry no items, and are repeated by the next. */
async function failedJobs(deps: Deps): Promise<number> {
  const pipeline = deps.redis.pipeline();
  for (const queue of itemQueues(deps.config.MUSTER_LANES)) pipeline.zcard(`${QUEUE_PREFIX}:${queue}:failed`);
  const answers = (await pipeline.exec()) ?? [];
  return answers.reduce((n, [, count]) => n + Number(count ?? 0), 0);
}
