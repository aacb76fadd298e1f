/**
 * The worker of the queue of imports. A job only asks for an import to be looked at, so any number of them does no harm; one that is
 * lost is made up for by {@link tendImports}.
 */
import { expireUploads, importsToRun, pruneImportRejects } from '@muster/postgres';
import { IMPORTS_QUEUE, ImportRequests, importSchema, PAYLOAD_VERSION, QUEUE_PREFIX, WORKER_TUNING } from '@muster/queues';
import { errorFields, oncePerBurst, type Redis } from '@muster/runtime';
import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import { handBack } from '../chunk-runner.ts';
import type { Deps } from '../deps.ts';
import { Interrupted, MadeWay } from './failure.ts';
import { removeFiles, sweepFiles } from './files.ts';
import { runImport } from './run.ts';

const BATCH = 100;
const REJECTS_AT_ONCE = 5_000;
/** An import that makes way asks again so often. */
const MADE_WAY_MS = 500;

/** Not running yet. */
export function createImports(deps: Deps, connection: Redis): Worker {
  const worker = new Worker(IMPORTS_QUEUE, (job, token) => process(deps, job, token), {
    ...WORKER_TUNING,
    connection,
    prefix: QUEUE_PREFIX,
    concurrency: deps.config.MUSTER_IMPORT_CONCURRENCY,
    autorun: false,
  });
  worker.on(
    'error',
    oncePerBurst((error) => deps.log.warn({ queue: IMPORTS_QUEUE, ...errorFields(error) }, 'worker error')),
  );
  worker.on('failed', (job, error) => deps.log.error({ job: job?.id, ...errorFields(error) }, 'a request to run an import failed'));
  return worker;
}

async function process(deps: Deps, job: Job, token: string | undefined): Promise<void> {
  const { v, id } = importSchema.parse(job.data);
  if (v > PAYLOAD_VERSION) return handBack(job, token, 1_000);
  try {
    await runImport(deps, id);
  } catch (error) {
    if (error instanceof WaitingError || !(error instanceof Interrupted)) throw error;
    if (deps.stopping()) return handBack(job, token, 0);
    if (error instanceof MadeWay) {
      // A delayed job comes back behind those that wait; one that is handed back would be the next.
      await job.moveToDelayed(Date.now() + MADE_WAY_MS, token);
      throw new DelayedError();
    }
    deps.log.info({ import: id, reason: error.message }, 'import run ended early');
  }
}

/** One sweep: imports that nobody works on, uploads that nobody finishes, files and rejected rows that have had their time. */
export async function tendImports(deps: Deps): Promise<{ imports_resumed: number; uploads_expired: number }> {
  const idle = await importsToRun(deps.pool, BATCH);
  if (idle.length > 0) {
    const requests = new ImportRequests(deps.redis);
    try {
      for (const { workspaceId, importId } of idle) await requests.request(workspaceId, importId);
    } finally {
      await requests.close();
    }
  }
  const expired = await expireUploads(deps.pool, deps.config.MUSTER_UPLOAD_HOURS, BATCH);
  for (const id of expired) await removeFiles(deps.config.MUSTER_IMPORT_DIR, id);
  await sweepFiles(deps);
  await pruneImportRejects(deps.pool, deps.config.MUSTER_REJECTION_DAYS, REJECTS_AT_ONCE);
  return { imports_resumed: idle.length, uploads_expired: expired.length };
}
