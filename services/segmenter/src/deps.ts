import type { ClickHouse } from '@muster/clickhouse';
import type { Pool } from '@muster/postgres';
import type { EvaluationRequests } from '@muster/queues';
import type { Failpoints, Logger, Redis, SegmenterConfig } from '@muster/runtime';
import type { SegmenterMetrics } from './metrics.ts';

/** Everything an evaluator needs; passed in, so that nothing hides in module state. */
export type Deps = {
  config: SegmenterConfig;
  log: Logger;
  pool: Pool;
  redis: Redis;
  clickhouse: ClickHouse;
  metrics: SegmenterMetrics;
  failpoints: Failpoints;
  requests: EvaluationRequests;
  /** Who holds the leases of this process. */
  holder: string;
  /** The moment of a step, milliseconds, given Postgres' clock: the same one in production, another in tests. */
  clock: (postgresNow: number) => number;
  stopping: () => boolean;
};
