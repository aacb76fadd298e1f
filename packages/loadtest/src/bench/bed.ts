/**
 * The test bed: a stack of its own, in a temporary directory or one that is kept, with the stores opened beside it. Everything runs on this machine; what a
 * round leaves behind is worked off before the next one starts, so that no side pays for the other's remains.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { type LocalStack, startStack } from '@muster/embedded';
import { createPool, findWorkspace, type Pool } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import { z } from 'zod';
import { MusterClient } from '../client/client.ts';
import type { Output } from '../demo/output.ts';
import { CpuMeter } from './cpu.ts';
import { BenchError } from './errors.ts';
import { type BenchOptions, WIDTH } from './options.ts';

/** ClickHouse writes 64-bit counts as text. */
const countRows = z.array(z.object({ n: z.coerce.number().int() }));

export type Bed = {
  readonly options: BenchOptions;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly stack: LocalStack;
  readonly client: MusterClient;
  readonly pool: Pool;
  readonly clickhouse: ClickHouse;
  readonly cpu: CpuMeter;
  readonly workspaceId: number;
  /** @throws when the run is to end */
  pause(ms: number): Promise<void>;
  close(): Promise<void>;
};

/** Milliseconds between looks at the ledger: one cheap statement each. */
const POLL_MS = 50;
const STALLED_MS = 90_000;
const QUIET_MERGES_MS = 60_000;

export type BedOptions = {
  options: BenchOptions;
  output: Output;
  signal: AbortSignal;
  serviceEnv: Readonly<Record<string, string>>;
  services: readonly string[];
  /** Data directory that stays; empty = one of its own that is removed. */
  keep: string;
};

export async function makeBed({ options, output, signal, serviceEnv, services, keep }: BedOptions): Promise<Bed> {
  const dataDir = keep === '' ? mkdtempSync(join(tmpdir(), 'muster-bench-')) : resolve(keep);
  const open: (() => unknown)[] = keep === '' ? [() => rmSync(dataDir, { recursive: true, force: true })] : [];
  const close = async (): Promise<void> => {
    for (const end of open.splice(0).reverse()) await end();
  };
  try {
    output.line(`Starting a stack of its own in ${dataDir}; it is stopped ${keep === '' ? 'and removed ' : ''}at the end.`);
    const stack = await startStack({
      dataDir,
      services,
      terminal: output,
      signal,
      // A line for each request is left to the proxy in front, as in production. The queue may grow while the workers are stopped.
      env: { MUSTER_LOG_LEVEL: 'warn', MUSTER_MAX_WAITING_JOBS: '1000000', ...serviceEnv },
    });
    open.push(() => stack.stop());
    const client = new MusterClient({ baseUrl: stack.apiUrl, key: stack.devKey, connections: WIDTH, giveUpAfterMs: 300_000, signal });
    open.push(() => client.close());
    const pool = createPool(stack.stores.postgresUrl, { max: WIDTH + 1, role: 'admin', onError: (error) => output.line(error.message) });
    open.push(() => pool.end());
    const clickhouse = createClickHouse(stack.stores.clickhouseUrl, { maxConnections: WIDTH + 1, requestTimeoutMs: 600_000 });
    open.push(() => clickhouse.close());
    const workspace = await findWorkspace(pool, 'demo');
    if (workspace === null) throw new BenchError('The stack has no workspace "demo".');
    const { postgres, redis, clickhouse: engine } = stack.stores.processes;
    const cpu = new CpuMeter([...stack.services, postgres, redis, engine].map((p) => ({ name: p.name, pid: () => p.pid })));
    const pause = async (ms: number): Promise<void> => {
      await sleep(ms, signal);
      signal.throwIfAborted();
    };
    return { options, output, signal, stack, client, pool, clickhouse, cpu, workspaceId: workspace.workspaceId, pause, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A moment on Postgres' clock: what the ledger gets from now on is later. */
export async function ledgerMark(bed: Bed): Promise<string> {
  const { rows } = await bed.pool.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  return rows[0]?.now ?? '';
}

type Ledger = { ended: number; pending: boolean };

/** Items that have a verdict since the mark, and whether anything still has to reach ClickHouse. */
async function readLedger(bed: Bed, mark: string): Promise<Ledger> {
  const { rows } = await bed.pool.query<{ ended: string; pending: boolean }>(
    `SELECT (SELECT coalesce(sum(items), 0) FROM job_ledger WHERE workspace_id = $1 AND applied_at >= $2::timestamptz) AS ended,
            EXISTS (SELECT 1 FROM job_ledger WHERE outbox IS NOT NULL) OR EXISTS (SELECT 1 FROM job_ledger WHERE events_pending) AS pending`,
    [bed.workspaceId, mark],
  );
  return { ended: Number(rows[0]?.ended ?? 0), pending: rows[0]?.pending ?? true };
}

/**
 * Resolves when `items` items since the mark have a verdict and nothing is on its way to ClickHouse: from then on every query shows
 * them. @throws BenchError when nothing moves for a while.
 */
export async function untilStored(bed: Bed, mark: string, items: number, onMore: (n: number) => void = () => undefined): Promise<void> {
  let last = 0;
  let movedAt = Date.now();
  for (;;) {
    const { ended, pending } = await readLedger(bed, mark);
    if (ended !== last) movedAt = Date.now();
    onMore(ended - last);
    last = ended;
    if (ended >= items && !pending) return;
    if (Date.now() - movedAt > STALLED_MS)
      throw new BenchError(
        `Nothing moved for ${STALLED_MS / 1_000} s: ${ended} of ${items} items have a verdict. See ${bed.stack.service('worker').log}.`,
      );
    await bed.pause(POLL_MS);
  }
}

/** Works off everything that is queued, however much that is. */
export async function untilIdle(bed: Bed): Promise<void> {
  let idle = 0;
  while (idle < 2) {
    const { waiting } = await bed.client.balance();
    // Only what is on its way matters here: no row is later than that mark.
    const { pending } = await readLedger(bed, 'infinity');
    idle = waiting === 0 && !pending ? idle + 1 : 0;
    await bed.pause(200);
  }
}

/** Waits until ClickHouse merges no more, `withinMs` at most: background merges of one side must not slow the other. */
export async function untilMerged(bed: Bed, withinMs: number = QUIET_MERGES_MS): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (let quiet = 0; quiet < 3 && Date.now() < deadline; ) {
    quiet = (await count(bed, 'SELECT count() AS n FROM system.merges')) === 0 ? quiet + 1 : 0;
    await bed.pause(200);
  }
}

export async function stopWorker(bed: Bed): Promise<void> {
  await bed.stack.service('worker').stop();
}

export async function startWorker(bed: Bed): Promise<void> {
  await bed.stack.service('worker').start();
}

/** The `n` of a query's only row; `{ws:UInt32}` is bound. */
export async function count(
  bed: Bed,
  query: string,
  params: Record<string, unknown> = {},
  settings: Record<string, string> = {},
): Promise<number> {
  const result = await bed.clickhouse.query({
    ...{ query, query_params: { ws: bed.workspaceId, ...params }, format: 'JSONEachRow' as const },
    clickhouse_settings: settings,
  });
  const [row] = countRows.parse(await result.json());
  if (row === undefined) throw new BenchError(`ClickHouse gave no row for: ${query}`);
  return row.n;
}

/** Throws when figures differ that must be the same: a fast system that loses items is not fast. */
export function mustBe(what: string, expected: number, found: number): void {
  if (found !== expected) throw new BenchError(`${what}: ${expected} expected, ${found} found. The run does not count.`);
}
