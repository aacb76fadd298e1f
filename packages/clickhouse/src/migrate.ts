/**
 * Numbered SQL for ClickHouse, recorded with checksums in `schema_migrations`. ClickHouse has no locks and no transactional
 * DDL: the caller holds Postgres' migration lock meanwhile, and every statement is written to be repeatable (IF NOT EXISTS).
 */
import type { ClickHouse } from './client.ts';

export type ClickHouseMigration = { name: string; sql: string; checksum: string };

/** Statements of a file: split at `;` at the end of a line. */
export function splitStatements(sql: string): string[] {
  return sql
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((s) => s.trim())
    .filter((s) => s.split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('--')));
}

/** What was applied before, oldest first. Creates the record table when it is missing. */
export async function appliedMigrations(clickhouse: ClickHouse): Promise<{ name: string; checksum: string }[]> {
  await clickhouse.command({
    query: `CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
            ENGINE = ReplacingMergeTree ORDER BY name`,
  });
  const result = await clickhouse.query({
    query: 'SELECT name, checksum FROM schema_migrations FINAL ORDER BY name',
    format: 'JSONEachRow',
  });
  return result.json<{ name: string; checksum: string }>();
}

/** Applies one migration, statement by statement, and records it. */
export async function applyMigration(clickhouse: ClickHouse, migration: ClickHouseMigration): Promise<void> {
  for (const query of splitStatements(migration.sql)) await clickhouse.command({ query });
  await clickhouse.insert({
    table: 'schema_migrations',
    values: [{ name: migration.name, checksum: migration.checksum }],
    columns: ['name', 'checksum'],
    format: 'JSONEachRow',
  });
}

const TABLES = [
  ...['contacts', 'contact_lists', 'timeline_by_contact', 'timeline_by_kind', 'entry_times', 'custom_events', 'custom_events_by_contact'],
  ...['segment_sets', 'segment_flips', 'segment_flips_by_contact'],
];

/** With `on`, every insert is fsynced (part and directory): acknowledged rows also survive power loss, at lower speed. */
export async function setPowerSafe(clickhouse: ClickHouse, on: boolean): Promise<void> {
  for (const table of TABLES)
    await clickhouse.command({
      query: `ALTER TABLE ${table} MODIFY SETTING fsync_after_insert = ${on ? 1 : 0}, fsync_part_directory = ${on ? 1 : 0}`,
    });
}
