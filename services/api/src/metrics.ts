/** Metrics of the API process. */
import { Counter, createRegistry, Gauge, Histogram, type Registry } from '@muster/runtime';
import type { Sample } from './guard.ts';

export type ApiMetrics = {
  registry: Registry;
  requests: Counter<'route' | 'status'>;
  duration: Histogram<'route'>;
  accepted: Counter<'route'>;
  refused: Counter<'route'>;
};

/** Builds the registry; gauges of queues and ledger read the intake guard's last sample when they are scraped. */
export function createMetrics(sample: () => Sample, now: () => number = Date.now): ApiMetrics {
  const registry = createRegistry('api');
  const registers = [registry];
  new Gauge({
    name: 'muster_queue_waiting_jobs',
    help: 'Jobs waiting, by queue',
    labelNames: ['queue'],
    registers,
    collect() {
      for (const d of sample().redis?.depths ?? []) this.set({ queue: d.queue }, d.waiting);
    },
  });
  new Gauge({
    name: 'muster_queue_oldest_waiting_seconds',
    help: 'Age of the oldest waiting job, by queue (0 = none waits)',
    labelNames: ['queue'],
    registers,
    collect() {
      for (const d of sample().redis?.depths ?? [])
        this.set({ queue: d.queue }, d.oldestMs === null ? 0 : Math.max(0, now() - d.oldestMs) / 1_000);
    },
  });
  new Gauge({
    name: 'muster_redis_used_ratio',
    help: 'Used share of Redis maxmemory (0 = unlimited)',
    registers,
    collect() {
      const redis = sample().redis;
      if (redis) this.set(redis.maxBytes > 0 ? redis.usedBytes / redis.maxBytes : 0);
    },
  });
  new Gauge({
    name: 'muster_undelivered_rows',
    help: 'Ledger rows that have not reached ClickHouse',
    registers,
    collect() {
      const pending = sample().undelivered;
      if (pending) this.set(pending.rows);
    },
  });
  new Gauge({
    name: 'muster_undelivered_oldest_seconds',
    help: 'Age of the oldest ledger row that has not reached ClickHouse',
    registers,
    collect() {
      const pending = sample().undelivered;
      if (pending) this.set(pending.oldestSeconds);
    },
  });
  return {
    registry,
    requests: new Counter({ name: 'muster_http_requests_total', help: 'Requests answered', labelNames: ['route', 'status'], registers }),
    duration: new Histogram({
      name: 'muster_http_request_seconds',
      help: 'Time from request to answer',
      labelNames: ['route'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    accepted: new Counter({ name: 'muster_accepted_items_total', help: 'Items acknowledged with a 2xx', labelNames: ['route'], registers }),
    refused: new Counter({ name: 'muster_refused_items_total', help: 'Items refused by validation', labelNames: ['route'], registers }),
  };
}
