/** Looks at a running stack again and again, and keeps what it saw. */
import type { ClickHouse } from '@muster/clickhouse';
import type { LocalStack } from '@muster/embedded';
import { type Pool, undelivered } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import { z } from 'zod';
import type { Balance } from '../client/answers.ts';
import type { Latency } from '../load/tally.ts';
import { type Memory, readMemory } from './memory.ts';

export type Sample = {
  seconds: number;
  memory: Memory;
  /** Active parts by table. */
  parts: Record<string, number>;
  undelivered: number;
  waiting: number;
  latency: Latency | null;
  balance: Balance;
};

export type Sources = {
  readonly stack: LocalStack;
  readonly pool: Pool;
  readonly clickhouse: ClickHouse;
  readonly balance: () => Promise<Balance>;
  /** Latency since the last look. */
  readonly window: () => Latency | null;
};

export class Sampler {
  readonly samples: Sample[] = [];
  /** Why looks failed, in order. */
  readonly missed: string[] = [];
  readonly #sources: Sources;
  readonly #ending = new AbortController();
  #running: Promise<void> | null = null;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  start(everyMs: number): void {
    this.#running ??= this.#run(everyMs);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(everyMs: number): Promise<void> {
    const startedAt = performance.now();
    for (let n = 1; !this.#ending.signal.aborted; n += 1) {
      await sleep(Math.max(0, startedAt + n * everyMs - performance.now()), this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      try {
        this.samples.push(await this.#look((performance.now() - startedAt) / 1_000));
      } catch (error) {
        this.missed.push(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async #look(seconds: number): Promise<Sample> {
    const { stack, pool, clickhouse, balance, window } = this.#sources;
    const memory = readMemory(stack);
    const [parts, pending, now] = await Promise.all([activeParts(clickhouse), undelivered(pool), balance()]);
    return { seconds, memory, parts, undelivered: pending.rows, waiting: now.waiting, latency: window(), balance: now };
  }
}

const partRow = z.object({ table: z.string(), parts: z.number().int() });

async function activeParts(clickhouse: ClickHouse): Promise<Record<string, number>> {
  const result = await clickhouse.query({
    query:
      'SELECT table, toUInt32(count()) AS parts FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table',
    format: 'JSONEachRow',
  });
  return Object.fromEntries(
    z
      .array(partRow)
      .parse(await result.json())
      .map(({ table, parts }) => [table, parts]),
  );
}
