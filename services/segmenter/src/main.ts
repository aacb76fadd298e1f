/** Wires a segmenter process: the queue of evaluations and its sweep; holds no logic of its own. */
import { randomUUID } from 'node:crypto';
import { createClickHouse } from '@muster/clickhouse';
import { createPool, driftByWorkspace } from '@muster/postgres';
import { EvaluationRequests } from '@muster/queues';
import {
  consumerConnection,
  createFailpoints,
  createLogger,
  createRegistry,
  errorFields,
  Lifecycle,
  type Logger,
  loadConfig,
  runMain,
  segmenterSchema,
  startStatusServer,
} from '@muster/runtime';
import type { Deps } from './deps.ts';
import { createEvaluationWorker, startSweep } from './handler.ts';
import { createSegmenterMetrics } from './metrics.ts';

let log: Logger | null = null;

async function main(): Promise<void> {
  const config = loadConfig(segmenterSchema, process.env);
  log = createLogger('segmenter', config.MUSTER_LOG_LEVEL);
  const logger = log;
  const registry = createRegistry('segmenter');
  const lifecycle = new Lifecycle(logger);
  const pool = createPool(config.MUSTER_POSTGRES_URL, {
    max: 2 * config.MUSTER_SEGMENT_CONCURRENCY + 2,
    role: 'worker',
    onError: (error) => logger.warn(errorFields(error), 'postgres connection error'),
  });
  const redis = consumerConnection(config.MUSTER_REDIS_URL, logger);
  const requestTimeoutMs = (Math.max(config.MUSTER_SEGMENT_BUILD_SECONDS, config.MUSTER_SEGMENT_STEP_SECONDS) + 10) * 1_000;
  const clickhouse = createClickHouse(config.MUSTER_CLICKHOUSE_URL, { requestTimeoutMs });
  const requests = new EvaluationRequests(redis);
  const readDrift = () =>
    driftByWorkspace(pool).catch((error: unknown) => {
      logger.warn(errorFields(error), 'drift not read, its metric keeps the last figure');
      return null;
    });
  const deps: Deps = {
    ...{ config, log: logger, pool, redis, clickhouse, requests },
    metrics: createSegmenterMetrics(registry, readDrift),
    failpoints: createFailpoints(config.MUSTER_FAILPOINTS),
    holder: randomUUID(),
    clock: (postgresNow) => postgresNow,
    stopping: () => lifecycle.stopping,
  };
  const worker = createEvaluationWorker(deps, redis);
  let ready = false;
  const status = await startStatusServer({
    host: config.MUSTER_SEGMENTER_HOST,
    port: config.MUSTER_SEGMENTER_PORT,
    registry,
    live: () => ({ ok: worker.isRunning() || !ready, checks: { consuming: worker.isRunning() } }),
    ready: () => ({ ok: ready && !lifecycle.stopping, checks: { running: ready, stopping: lifecycle.stopping } }),
  });
  const stopSweep = startSweep(deps);
  lifecycle.onShutdown('sweep', 1_000, stopSweep);
  lifecycle.onShutdown('evaluations', 15_000, () => worker.close());
  lifecycle.onShutdown('clients', 5_000, async () => {
    await requests.close();
    redis.disconnect();
    status.close();
    await Promise.all([clickhouse.close(), pool.end()]);
  });
  lifecycle.handleSignals();
  worker.run().catch((error: unknown) => logger.error(errorFields(error), 'worker stopped'));
  ready = true;
  logger.info('segmenter is running');
}

runMain(() => log, main);
