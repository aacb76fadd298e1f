import type { ClickHouse, GroupCommitWriter } from '@muster/clickhouse';
import type { ContactIds, Pool } from '@muster/postgres';
import type { Touched } from '@muster/queues';
import type { Failpoints, Logger, Redis, WorkerConfig } from '@muster/runtime';
import type { FlowProducer } from 'bullmq';
import type { Delivery } from './delivery/outbox.ts';
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
  /** Tells the relay of this process that the ledger holds something to deliver. */
  wakeRelay: () => void;
  /** Whether the relay of this process would take over a delivery without the way through the ledger; asked before the commit. */
  relayHasRoom: () => boolean;
  /** Hands a committed chunk, whose ledger row is leased, to the relay of this process. */
  offerDelivery: (delivery: Delivery) => void;
  /** Delivers parked items of an external_id that a contact has now; the sweep backs it up. */
  deliverParked: (workspaceId: number, externalIds: readonly string[]) => void;
  /** Marks touched contacts and, where a segment depends on them, asks for its evaluation. */
  touch: (workspaceId: number, touched: Touched) => Promise<void>;
  stopping: () => boolean;
};
