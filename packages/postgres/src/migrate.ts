/**
 * Plain numbered SQL (`NNNN_name.sql`), applied in order under an advisory lock, each in one transaction and recorded with its
 * SHA-256. A landed file that was edited afterwards is refused: databases that ran the old text would differ silently.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from './pool.ts';

export type Migration = { name: string; sql: string; checksum: string };

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** Reads and orders the migrations of a folder. @throws MigrationError on a file name that does not fit or a number used twice. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((n) => n.endsWith('.sql')).sort();
  const seen = new Set<string>();
  const migrations: Migration[] = [];
  for (const name of names) {
    const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (!number || seen.has(number)) throw new MigrationError(`${name}: name it NNNN_name.sql with a number of its own`);
    seen.add(number);
    const sql = await readFile(join(folder, name), 'utf8');
    migrations.push({ name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
  }
  return migrations;
}

/** Names of the migrations still to apply. @throws MigrationError when an applied file was edited or is missing. */
export function pendingMigrations(all: Migration[], applied: { name: string; checksum: string }[]): Migration[] {
  const byName = new Map(all.map((m) => [m.name, m]));
  for (const done of applied) {
    const file = byName.get(done.name);
    if (!file) throw new MigrationError(`${done.name} was applied to this database but is not in the folder: use the version that has it`);
    if (file.checksum !== done.checksum)
      throw new MigrationError(`${done.name} was edited after it was applied: restore it and put the change into a new file`);
  }
  const names = new Set(applied.map((a) => a.name));
  return all.filter((m) => !names.has(m.name));
}

const MIGRATION_LOCK = 0x6d757374;

/** Applies what is pending; safe to run from several processes at once. Returns the names applied. */
export async function migratePostgres(pool: Pool, folder: string): Promise<string[]> {
  const all = await readMigrations(folder);
  const client = await pool.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const { rows } = await client.query<{ name: string; checksum: string }>('SELECT name, checksum FROM schema_migrations ORDER BY name');
    const pending = pendingMigrations(all, rows);
    for (const migration of pending) {
      await client.query('BEGIN');
      try {
        await client.query(migration.sql);
        await client.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [migration.name, migration.checksum]);
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    }
    return pending.map((m) => m.name);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).finally(() => client.release());
  }
}
