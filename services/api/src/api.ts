/** Builds the API's parts from its configuration and connects them; {@link startApi} also listens. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createClickHouse } from '@muster/clickhouse';
import { createPool } from '@muster/postgres';
import { ChunkProducer, EvaluationRequests, ImportRequests, QueueInspector } from '@muster/queues';
import {
  type ApiConfig,
  consumerConnection,
  createFailpoints,
  errorFields,
  Lifecycle,
  type Logger,
  producerConnection,
} from '@muster/runtime';
import { createApp } from './app.ts';
import { KeyCache } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IntakeGuard } from './guard.ts';
import { UploadLeases } from './imports/lease.ts';
import { verifyLanes } from './lanes.ts';
import { ListCache } from './list-cache.ts';
import { createMetrics } from './metrics.ts';
import { RateLimiter } from './rate-limit.ts';
import { Readiness } from './readiness.ts';
import { JobWaiter } from './waiter.ts';

/** No limit on the time that a request takes to come in: a file of gigabytes over a slow line takes hours. */
const HTTP = { requestTimeout: 0 };
/** Instead, a connection on which nothing moves is closed. Longer than the longest `Prefer: wait`. */
const IDLE_MS = 120_000;

export type RunningApi = {
  port: number;
  lifecycle: Lifecycle /** False when MUSTER_LANES is not the installation's. */;
  lanesFit: Promise<boolean>;
};

/** Starts the API. It comes up whatever store is away, answers 503 meanwhile, and recovers by itself. */
export async function startApi(config: ApiConfig, log: Logger): Promise<RunningApi> {
  const processId = randomUUID();
  const stop = new AbortController();
  await mkdir(config.MUSTER_IMPORT_DIR, { recursive: true, mode: 0o700 });
  const pool = createPool(config.MUSTER_POSTGRES_URL, {
    max: 20,
    role: 'api',
    onError: (error) => log.warn(errorFields(error), 'postgres connection error'),
  });
  const redis = producerConnection(config.MUSTER_REDIS_URL, log);
  const subscriber = consumerConnection(config.MUSTER_REDIS_URL, log);
  const clickhouse = createClickHouse(config.MUSTER_CLICKHOUSE_URL, { maxConnections: 20, requestTimeoutMs: 15_000 });
  const guard = new IntakeGuard({
    redis,
    pool,
    log,
    lanes: config.MUSTER_LANES,
    limits: {
      maxWaitingJobs: config.MUSTER_MAX_WAITING_JOBS,
      maxUndelivered: config.MUSTER_MAX_UNDELIVERED,
      redisHighWater: config.MUSTER_REDIS_HIGH_WATER,
    },
    maxWorkspaceItems: config.MUSTER_MAX_WORKSPACE_ITEMS,
  });
  const producer = new ChunkProducer({ redis, processId, backlogged: () => guard.backlogged });
  const inspector = new QueueInspector(redis);
  const evaluations = new EvaluationRequests(redis);
  const imports = new ImportRequests(redis);
  const uploads = new UploadLeases(redis);
  const waiter = new JobWaiter({ pool, redis: subscriber, processId, log });
  const readiness = new Readiness({ pool, redis, clickhouse, guard });
  const deps: ApiDeps = {
    config,
    log,
    pool,
    redis,
    clickhouse,
    producer,
    inspector,
    evaluations,
    imports,
    uploads,
    waiter,
    guard,
    readiness,
    keys: new KeyCache(pool),
    limiter: new RateLimiter(),
    lists: new ListCache(pool),
    metrics: createMetrics(() => guard.sample),
    failpoints: createFailpoints(config.MUSTER_FAILPOINTS),
    stopping: stop.signal,
  };

  guard.start();
  waiter.start();
  const lanesFit = verifyLanes(pool, config.MUSTER_LANES, log, stop.signal).then((fit) => {
    if (fit) {
      guard.open();
      readiness.lanesVerified();
    }
    return fit || stop.signal.aborted;
  });

  const { server, port } = await listen(createServer(HTTP, getRequestListener(createApp(deps).fetch)), config);
  server.timeout = IDLE_MS;
  log.info({ port }, 'listening');

  const lifecycle = new Lifecycle(log);
  lifecycle.onShutdown('stop intake', 1_000, () => {
    stop.abort();
    readiness.stop();
    guard.shut();
    uploads.letGoOfResumable();
  });
  // Longer than the longest `Prefer: wait`, so that nobody who waits is cut off.
  lifecycle.onShutdown('drain http', 35_000, () => closeServer(server));
  lifecycle.onShutdown('flush queue', 5_000, () => producer.close());
  lifecycle.onShutdown('stop sampling', 5_000, () => guard.stop());
  lifecycle.onShutdown('close clients', 5_000, async () => {
    await Promise.all([inspector.close(), evaluations.close(), imports.close()]);
    redis.disconnect();
    subscriber.disconnect();
    await Promise.all([clickhouse.close(), pool.end()]);
  });
  return { port, lifecycle, lanesFit };
}

function listen(server: Server, config: ApiConfig): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.MUSTER_API_PORT, config.MUSTER_API_HOST, () => {
      server.off('error', reject);
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : config.MUSTER_API_PORT });
    });
  });
}

/** Answers what has been received, closes idle connections, takes no new ones. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeIdleConnections();
  });
}
