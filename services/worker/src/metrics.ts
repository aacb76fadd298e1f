import { Counter, Gauge, Histogram, type Registry } from '@muster/runtime';

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

export function createWorkerMetrics(registry: Registry) {
  const registers = [registry];
  return {
    items: new Counter({ name: 'muster_items_total', help: 'Items by source and verdict', labelNames: ['source', 'verdict'], registers }),
    chunkSeconds: new Histogram({
      name: 'muster_chunk_seconds',
      help: 'Time to apply one chunk',
      labelNames: ['source'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    storedSeconds: new Histogram({
      name: 'muster_accepted_to_stored_seconds',
      help: 'Acceptance of a chunk to its effect in both databases',
      labelNames: ['source'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
    retries: new Counter({
      name: 'muster_chunk_retries_total',
      help: 'Chunks repeated in place',
      labelNames: ['source', 'code'],
      registers,
    }),
    sinkErrors: new Counter({
      name: 'muster_sink_errors_total',
      help: 'ClickHouse insert errors by code',
      labelNames: ['code'],
      registers,
    }),
    importRecords: new Counter({
      name: 'muster_import_records_total',
      help: 'Records of imports by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    importFailures: new Counter({
      name: 'muster_import_failures_total',
      help: 'Imports that failed, by code',
      labelNames: ['code'],
      registers,
    }),
    undelivered: new Gauge({ name: 'muster_undelivered_rows', help: 'Ledger rows not yet in ClickHouse', registers }),
    failedJobs: new Gauge({ name: 'muster_failed_jobs', help: 'Jobs in a failed set; must be 0', registers }),
    claimWindow: new Gauge({
      name: 'muster_claim_window_seconds',
      help: 'For how long producer ids are remembered at the moment',
      labelNames: ['workspace'],
      registers,
    }),
  };
}
