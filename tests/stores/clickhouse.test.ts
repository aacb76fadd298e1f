/** Migrations of ClickHouse over tables that hold something: nothing is lost, whatever is written meanwhile, and each can be repeated. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyMigration, type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { type LocalStores, startStores } from '@muster/embedded';
import { readMigrations } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';

const SQL = fileURLToPath(new URL('../../sql/clickhouse', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'muster-clickhouse-'));
let stores: LocalStores;
let clickhouse: ClickHouse;
beforeAll(async () => {
  stores = await startStores({ dataDir: dir });
  const { origin } = new URL(stores.clickhouseUrl);
  const server = createClickHouse(`${origin}/default`);
  await server.command({ query: 'CREATE DATABASE IF NOT EXISTS muster' });
  await server.close();
  clickhouse = createClickHouse(stores.clickhouseUrl);
}, 60_000);
afterAll(async () => {
  await clickhouse.close();
  await stores.stop();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

async function rows(query: string): Promise<unknown[]> {
  return (await clickhouse.query({ query, format: 'JSONCompactEachRow' })).json();
}

const opened = (contact: number, id: string, at = '2026-11-01 12:00:00.000') =>
  `SELECT 1, 'open_email', ${contact}, toDateTime64('${at}', 3, 'UTC'), '${id}', now64(6), 5`;
const INTO = 'INSERT INTO timeline_by_kind (workspace_id, kind, contact_id, occurred_at, id, recorded_at, keep_first)';

async function migrate(names: (name: string) => boolean): Promise<void> {
  const all = await readMigrations(SQL);
  await clickhouse.command({
    query: `CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
            ENGINE = ReplacingMergeTree ORDER BY name`,
  });
  for (const migration of all.filter(({ name }) => names(name))) await applyMigration(clickhouse, migration);
}

test('0008: times of entries take over those of events', async () => {
  await migrate((name) => name < '0008');
  // Two of one contact in one millisecond, and a copy of one of them.
  for (const [contact, id] of [
    [1, 'a'],
    [1, 'b'],
    [1, 'b'],
    [2, 'c'],
  ] as const)
    await clickhouse.command({ query: `${INTO} ${opened(contact, id)}` });
  const columns = '(workspace_id, event_name, external_id, contact_id, occurred_at, accepted_at, version, is_deleted)';
  await clickhouse.command({ query: `INSERT INTO custom_events ${columns} SELECT 1, 'order', 'x', 3, now64(3), now64(6), 1, 0` });
  expect(await rows('SELECT count() FROM event_times FINAL')).toEqual([[4]]);

  const half = (await readMigrations(SQL)).filter(({ name }) => name >= '0008').slice(0, 1);
  expect(half).toHaveLength(1);
  for (const migration of half) await applyMigration(clickhouse, migration);
  await clickhouse.command({ query: `${INTO} ${opened(2, 'd', '2026-11-02 12:00:00.000')}` });
  // A run that died is run again.
  for (const migration of half) await applyMigration(clickhouse, migration);
  await clickhouse.command({ query: `${INTO} ${opened(2, 'e', '2026-11-03 12:00:00.000')}` });

  const times = 'SELECT kind, contact_id, count() FROM entry_times FINAL GROUP BY ALL ORDER BY ALL';
  expect(await rows(times)).toEqual([
    ['custom_event.*', 3, 1],
    ['custom_event.order', 3, 1],
    ['open_email', 1, 2],
    ['open_email', 2, 3],
  ]);
  expect(await rows('SELECT countDistinct(entry) FROM entry_times WHERE contact_id = 1')).toEqual([[2]]);
  // What processes of the version before ask.
  expect(await rows("SELECT DISTINCT contact_id FROM event_times WHERE workspace_id = 1 AND kind = 'open_email' ORDER BY 1")).toEqual([
    [1],
    [2],
  ]);
}, 60_000);
