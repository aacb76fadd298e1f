/** The worker's handlers inside the test process, on the stores of a running stack: for applying one chunk twice at the same time. */
import { createClickHouse, GroupCommitWriter } from '@muster/clickhouse';
import { ContactIds, createPool } from '@muster/postgres';
import { markTouched, QUEUE_PREFIX } from '@muster/queues';
import { consumerConnection, createFailpoints, createLogger, createRegistry, loadConfig, workerSchema } from '@muster/runtime';
import { FlowProducer } from 'bullmq';
import type { Deps } from '../../services/worker/src/deps.ts';
import { createWorkerMetrics } from '../../services/worker/src/metrics.ts';
import { deliverParkedSoon } from '../../services/worker/src/parking.ts';
import type { Pipeline } from './pipeline.ts';

/** What a worker process has, without its queues: the stack's own workers deliver outboxes and follow-ups. */
export function createDeps(p: Pipeline): { deps: Deps; close: () => Promise<void> } {
  const config = loadConfig(workerSchema, { ...p.stack.env });
  const log = createLogger('test', 'silent');
  const pool = createPool(config.MUSTER_POSTGRES_URL, { max: 12, role: 'worker', onError: () => undefined });
  const sidePool = createPool(config.MUSTER_POSTGRES_URL, { max: 4, role: 'worker', onError: () => undefined });
  const redis = consumerConnection(config.MUSTER_REDIS_URL, log);
  const clickhouse = createClickHouse(config.MUSTER_CLICKHOUSE_URL);
  const writer = new GroupCommitWriter({ clickhouse, log, intervalMs: 20 });
  const flow = new FlowProducer({ connection: redis, prefix: QUEUE_PREFIX });
  const deps: Deps = {
    config,
    log,
    pool,
    sidePool,
    contactIds: new ContactIds(sidePool),
    redis,
    flow,
    clickhouse,
    writer,
    metrics: createWorkerMetrics(createRegistry('test')),
    failpoints: createFailpoints(''),
    wakeRelay: () => undefined,
    relayHasRoom: () => false,
    offerDelivery: () => undefined,
    deliverParked: (workspaceId, externalIds) => deliverParkedSoon(deps, workspaceId, externalIds),
    touch: async (workspaceId, touched) => void (await markTouched(redis, workspaceId, touched)),
    stopping: () => false,
  };
  return {
    deps,
    close: async () => {
      await writer.close();
      await flow.close();
      redis.disconnect();
      await Promise.all([clickhouse.close(), pool.end(), sidePool.end()]);
    },
  };
}
