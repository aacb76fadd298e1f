/** Everything the calls need, passed in as one object. */
import type { ClickHouse } from '@muster/clickhouse';
import type { Pool } from '@muster/postgres';
import type { ChunkProducer, EvaluationRequests, ImportRequests, QueueInspector } from '@muster/queues';
import type { ApiConfig, Failpoints, Logger, Redis } from '@muster/runtime';
import type { KeyCache } from './auth.ts';
import type { IntakeGuard } from './guard.ts';
import type { UploadLeases } from './imports/lease.ts';
import type { ListCache } from './list-cache.ts';
import type { ApiMetrics } from './metrics.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { Readiness } from './readiness.ts';
import type { JobWaiter } from './waiter.ts';

export type ApiDeps = {
  config: ApiConfig;
  log: Logger;
  pool: Pool;
  redis: Redis;
  clickhouse: ClickHouse;
  producer: ChunkProducer;
  inspector: QueueInspector;
  evaluations: EvaluationRequests;
  imports: ImportRequests;
  uploads: UploadLeases;
  waiter: JobWaiter;
  keys: KeyCache;
  limiter: RateLimiter;
  lists: ListCache;
  guard: IntakeGuard;
  readiness: Readiness;
  metrics: ApiMetrics;
  failpoints: Failpoints;
  /** Aborted when the process is about to end: what would go on for ever ends then. */
  stopping: AbortSignal;
};
