/**
 * /health/ready: whether this process should get traffic. States: starting → ready ⇄ degraded → stopping. A store that is away
 * makes it not ready (a balancer then prefers others); the process stays up and becomes ready again by itself.
 */
import type { ClickHouse } from '@muster/clickhouse';
import type { Pool } from '@muster/postgres';
import type { HealthReport, Redis } from '@muster/runtime';
import type { IntakeGuard } from './guard.ts';

export type Checks = { postgres: boolean; redis: boolean; clickhouse: boolean; lanes: boolean; accepting: boolean };

/** Ready = everything holds. Pure. */
export function judgeReady(checks: Checks): HealthReport {
  return { ok: Object.values(checks).every(Boolean), checks };
}

const PROBE_MS = 2_000;

export type ReadinessParts = { pool: Pool; redis: Redis; clickhouse: ClickHouse; guard: Pick<IntakeGuard, 'seesQueue'> };

export class Readiness {
  readonly #parts: ReadinessParts;
  #lanes = false;
  #stopping = false;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  /** The number of lanes is the installation's. */
  lanesVerified(): void {
    this.#lanes = true;
  }

  /** Not ready any more, for good: the process is about to end. */
  stop(): void {
    this.#stopping = true;
  }

  async report(): Promise<HealthReport> {
    const { pool, redis, clickhouse, guard } = this.#parts;
    const [postgres, queue, analytics] = await Promise.all([
      probe(pool.query('SELECT 1').then(() => true)),
      // Redis answers, and the intake guard knows it: else "ready" would be said while items are still refused.
      probe(redis.ping().then((answer) => answer === 'PONG' && guard.seesQueue)),
      probe(clickhouse.ping().then((answer) => answer.success)),
    ]);
    return judgeReady({ postgres, redis: queue, clickhouse: analytics, lanes: this.#lanes, accepting: !this.#stopping });
  }
}

/** False when the probe fails or takes too long: a check that hangs would make the whole report hang. */
async function probe(work: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_MS);
  });
  return Promise.race([work.catch(() => false), late]).finally(() => clearTimeout(timer));
}
