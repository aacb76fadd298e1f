/** Wires a worker process: lanes, timeline, relay, maintenance; holds no logic of its own. */
import { createClickHouse, GroupCommitWriter } from '@muster/clickhouse';
import { ContactIds, createPool } from '@muster/postgres';
import { EvaluationRequests, IMPORTS_QUEUE, MAINTENANCE_QUEUE, markTouched, QUEUE_PREFIX } from '@muster/queues';
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
  startStatusServer,
  workerSchema,
} from '@muster/runtime';
import { FlowProducer } from 'bullmq';
import { startRelay } from './delivery/relay.ts';
import type { Deps } from './deps.ts';
import { createImports } from './imports/queue.ts';
import { startLanes } from './lanes.ts';
import { createMaintenance } from './maintenance/handler.ts';
import { createWorkerMetrics } from './metrics.ts';
import { deliverParkedSoon } from './parking.ts';
import { verifyLanes } from './verify-lanes.ts';
import { judgeLiveness } from './watchdog.ts';

let log: Logger | null = null;

async function main(): Promise<void> {
  const config = loadConfig(workerSchema, process.env);
  log = createLogger('worker', config.MUSTER_LOG_LEVEL);
  const logger = log;
  const registry = createRegistry('worker');
  const metrics = createWorkerMetrics(registry);
  const lifecycle = new Lifecycle(logger);
  const onPoolError = (error: Error) => logger.warn(errorFields(error), 'postgres connection error');

  const pool = createPool(config.MUSTER_POSTGRES_URL, { max: 20, role: 'worker', onError: onPoolError });
  const sidePool = createPool(config.MUSTER_POSTGRES_URL, { max: 4, role: 'worker', onError: onPoolError });
  const redis = consumerConnection(config.MUSTER_REDIS_URL, logger);
  const clickhouse = createClickHouse(config.MUSTER_CLICKHOUSE_URL);
  const writer = new GroupCommitWriter({ clickhouse, log: logger, onError: (code) => metrics.sinkErrors.inc({ code }) });
  const flow = new FlowProducer({ connection: redis, prefix: QUEUE_PREFIX });
  flow.on('error', (error) => logger.debug(errorFields(error), 'follow-up producer error'));

  const evaluations = new EvaluationRequests(redis);
  const relay = startRelay(() => deps);
  const deps: Deps = {
    config,
    log: logger,
    pool,
    sidePool,
    contactIds: new ContactIds(sidePool),
    redis,
    flow,
    clickhouse,
    writer,
    metrics,
    failpoints: createFailpoints(config.MUSTER_FAILPOINTS),
    wakeRelay: relay.wake,
    relayHasRoom: relay.hasRoom,
    offerDelivery: relay.offer,
    deliverParked: (workspaceId, externalIds) => deliverParkedSoon(deps, workspaceId, externalIds),
    touch: async (workspaceId, touched) => {
      if ((await markTouched(redis, workspaceId, touched)) > 0) await evaluations.request(workspaceId);
    },
    stopping: () => lifecycle.stopping,
  };

  let lanes: Awaited<ReturnType<typeof startLanes>> | null = null;
  let imports: ReturnType<typeof createImports> | null = null;
  let maintenance: Awaited<ReturnType<typeof createMaintenance>> | null = null;
  let ready = false;
  const status = await startStatusServer({
    host: config.MUSTER_WORKER_HOST,
    port: config.MUSTER_WORKER_PORT,
    registry,
    live: async () => judgeLiveness((await lanes?.sample()) ?? [], Date.now()),
    ready: () => ({ ok: ready && !lifecycle.stopping, checks: { running: ready, stopping: lifecycle.stopping } }),
  });

  lifecycle.onShutdown('workers', 15_000, async () => {
    ready = false;
    await Promise.all([lanes?.stop(), imports?.close(), maintenance?.worker.close()]);
  });
  lifecycle.onShutdown('relay', 10_000, () => relay.stop());
  lifecycle.onShutdown('writer', 10_000, () => writer.close());
  lifecycle.onShutdown('clients', 5_000, async () => {
    await maintenance?.queue.close();
    await evaluations.close();
    await flow.close();
    redis.disconnect();
    status.close();
    await Promise.all([clickhouse.close(), pool.end(), sidePool.end()]);
  });
  lifecycle.handleSignals();

  await verifyLanes(deps);
  lanes = await startLanes(deps);
  imports = createImports(deps, redis);
  maintenance = await createMaintenance(deps, redis);
  imports.run().catch((error: unknown) => logger.error({ queue: IMPORTS_QUEUE, ...errorFields(error) }, 'worker stopped'));
  maintenance.worker.run().catch((error: unknown) => logger.error({ queue: MAINTENANCE_QUEUE, ...errorFields(error) }, 'worker stopped'));
  ready = true;
  logger.info({ lanes: config.MUSTER_LANES }, 'worker is running');
}

runMain(() => log, main);
