import type { ClickHouse, GroupCommitWriter } from '@muster/clickhouse';
import type { ContactIds, Pool } from '@muster/postgres';
import type { Failpoints, Logger, Redis, WorkerConfig } from '@muster/runtime';
import type { FlowProducer } from 'bullmq';
import type { WorkerMetrics } from './metrics.ts';

/** Everything a processor needs; passed in, so that nothing hides in module state. */
export type Deps = {
  config: WorkerConfig;
  log: Logger;
  pool: Pool;
  /** Autocommit statements that must survive a rolled-back transaction; never used inside one from `pool`. */
  sidePool: Pool;
  contactIds: ContactIds;
  redis: Redis;
  flow: FlowProducer;
  clickhouse: ClickHouse;
  writer: GroupCommitWriter;
  metrics: WorkerMetrics;
  failpoints: Failpoints;
  /** Tells the relay of this process that a chunk was committed. */
  wakeRelay: () => void;
  /** Delivers parked items of an external_id that a contact has now; the sweep backs it up. */
  deliverParked: (workspaceId: number, externalIds: readonly string[]) => void;
  stopping: () => boolean;
};
