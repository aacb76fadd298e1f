/**
 * Brings both databases to this version's schema.
 *
 * One session lock of Postgres is held over the whole run, the ClickHouse part included (ClickHouse has no locks and no
 * transactional DDL), so two migrators never overlap. Every step can be repeated: a run that died is simply run again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appliedMigrations, applyMigration, type ClickHouse, clickhouseCode, createClickHouse, setPowerSafe } from '@muster/clickhouse';
import { fixSetting, migratePostgres, type Pool, pendingMigrations, readMigrations, sqlState } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { CommandError } from '../errors.ts';

const WAIT_MS = 60_000;
/** A statement may copy a table of a billion rows. */
const STATEMENT_MS = 24 * 3_600_000;
/** Differs from the lock that `migratePostgres` takes inside: that one is taken by another session. */
const RUN_LOCK = 0x6d757375;

export async function migrate(deps: Deps): Promise<void> {
  const folder = sqlFolder(deps.config.MUSTER_SQL_DIR);
  const postgres = deps.postgres();
  await Promise.all([
    whenReachable('Postgres', 'MUSTER_POSTGRES_URL', () => postgres.query('SELECT 1'), WAIT_MS),
    ensureDatabase(deps.config.MUSTER_CLICKHOUSE_URL),
  ]);
  const holder = await postgres.connect();
  try {
    await holder.query('SELECT pg_advisory_lock($1)', [RUN_LOCK]);
    report(deps, 'Postgres', await migratePostgres(postgres, join(folder, 'postgres')));
    await fixLanes(postgres, deps.config.MUSTER_LANES);
    const clickhouse = createClickHouse(deps.config.MUSTER_CLICKHOUSE_URL, { maxConnections: 1, requestTimeoutMs: STATEMENT_MS });
    try {
      report(deps, 'ClickHouse', await migrateClickHouse(clickhouse, join(folder, 'clickhouse')));
      await setPowerSafe(clickhouse, deps.config.MUSTER_POWER_SAFE);
    } finally {
      await clickhouse.close();
    }
  } finally {
    // Ending the session gives the lock back, also when the connection is broken.
    holder.release(true);
  }
}

function report(deps: Deps, store: string, applied: readonly string[]): void {
  deps.output.line(applied.length === 0 ? `${store}: up to date.` : `${store}: applied ${applied.join(', ')}.`);
}

async function migrateClickHouse(clickhouse: ClickHouse, folder: string): Promise<string[]> {
  const pending = pendingMigrations(await readMigrations(folder), await appliedMigrations(clickhouse));
  for (const migration of pending) await applyMigration(clickhouse, migration);
  return pending.map((m) => m.name);
}

/** The number of lanes is fixed by the first start: with another one an address would wait in two lanes, and its order be lost. */
async function fixLanes(postgres: Pool, lanes: number): Promise<void> {
  const fixed = await fixSetting(postgres, 'lanes', String(lanes));
  if (fixed !== String(lanes))
    throw new CommandError(`this installation was started with ${fixed} lanes, and their number is fixed: set MUSTER_LANES=${fixed}`);
}

/** Folder of the SQL: named by MUSTER_SQL_DIR, else beside the bundle (image), else at the root of the checkout. */
function sqlFolder(configured: string | undefined): string {
  const candidates = configured ? [configured] : ['../sql', '../../../../sql'].map((p) => fileURLToPath(new URL(p, import.meta.url)));
  const found = candidates.find((path) => existsSync(join(path, 'postgres')));
  if (!found) throw new CommandError(`no migrations in ${candidates.join(' or ')}: set MUSTER_SQL_DIR to the folder "sql"`);
  return found;
}

/** Creates the database that the URL names, through the default one: a client of a missing database cannot even ask. */
async function ensureDatabase(url: string): Promise<void> {
  const parsed = new URL(url);
  const name = decodeURIComponent(parsed.pathname.slice(1));
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name))
    throw new CommandError('MUSTER_CLICKHOUSE_URL must end in /DATABASE (letters, digits and _)');
  parsed.pathname = '/default';
  const clickhouse = createClickHouse(parsed.toString(), { maxConnections: 1, requestTimeoutMs: 10_000 });
  try {
    await whenReachable(
      'ClickHouse',
      'MUSTER_CLICKHOUSE_URL',
      () => clickhouse.command({ query: `CREATE DATABASE IF NOT EXISTS ${name}` }),
      WAIT_MS,
    );
  } finally {
    await clickhouse.close();
  }
}

/** Repeats `probe` until it works. Refused credentials and a missing database are final: waiting would not help. */
export async function whenReachable(store: string, variable: string, probe: () => Promise<unknown>, forMs: number): Promise<void> {
  const deadline = Date.now() + forMs;
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      const state = sqlState(error);
      const code = clickhouseCode(error);
      if (state?.startsWith('28') || state === '3D000' || code === 516 || code === 497)
        throw new CommandError(`${store} refuses the login or has no such database: check ${variable}`);
      if (Date.now() >= deadline)
        throw new CommandError(`${store} did not answer within ${Math.round(forMs / 1000)} s: check that it runs, and ${variable}`);
      await sleep(500);
    }
  }
}
