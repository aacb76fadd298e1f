import { createHash, randomBytes } from 'node:crypto';
import type { Pool, Queryable } from './pool.ts';

export const SCOPES = ['ingest', 'read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export type Workspace = { workspaceId: number; name: string; timezone: string; country: string | null };
export type KeyGrant = Workspace & { keyId: number; scopes: ReadonlySet<Scope>; rateLimit: number | null };
export type KeyInfo = {
  key_id: number;
  name: string;
  prefix: string;
  scopes: string[];
  rate_limit: number | null;
  created_at: Date;
  last_used_at: Date | null;
  revoked_at: Date | null;
};

type WorkspaceRow = { workspace_id: number; name: string; timezone: string; country: string | null };

const toWorkspace = (r: WorkspaceRow): Workspace => ({
  workspaceId: r.workspace_id,
  name: r.name,
  timezone: r.timezone,
  country: r.country,
});

/** SHA-256 of a key, the only form in which keys are stored. */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Creates a workspace; returns null when the name is taken. */
export async function createWorkspace(
  db: Queryable,
  input: { name: string; timezone: string; country: string | null },
): Promise<Workspace | null> {
  const { rows } = await db.query<WorkspaceRow>(
    `INSERT INTO workspaces (name, timezone, country) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING
     RETURNING workspace_id, name, timezone, country`,
    [input.name, input.timezone, input.country],
  );
  return rows[0] ? toWorkspace(rows[0]) : null;
}

export async function findWorkspace(db: Queryable, name: string): Promise<Workspace | null> {
  const { rows } = await db.query<WorkspaceRow>('SELECT workspace_id, name, timezone, country FROM workspaces WHERE name = $1', [name]);
  return rows[0] ? toWorkspace(rows[0]) : null;
}

export async function listWorkspaces(db: Queryable): Promise<Workspace[]> {
  const { rows } = await db.query<WorkspaceRow>('SELECT workspace_id, name, timezone, country FROM workspaces ORDER BY workspace_id');
  return rows.map(toWorkspace);
}

export type NewKey = { workspaceId: number; name: string; scopes: readonly Scope[]; rateLimit: number | null; key?: string };

/**
 * Creates a key and returns its text, which is shown this once and never stored. With `key` given (the development key of
 * the local stack) the call is idempotent within its workspace. @throws Error when another workspace has that key.
 */
export async function createKey(db: Queryable, input: NewKey): Promise<{ keyId: number; key: string }> {
  const key = input.key ?? `mk_${randomBytes(24).toString('base64url')}`;
  const { rows } = await db.query<{ key_id: number; workspace_id: number }>(
    `INSERT INTO api_keys (workspace_id, name, key_hash, prefix, scopes, rate_limit) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (key_hash) DO UPDATE SET scopes = EXCLUDED.scopes, rate_limit = EXCLUDED.rate_limit, revoked_at = NULL
       WHERE api_keys.workspace_id = EXCLUDED.workspace_id
     RETURNING key_id, workspace_id`,
    [input.workspaceId, input.name, hashKey(key), key.slice(0, 7), [...input.scopes], input.rateLimit],
  );
  const row = rows[0];
  if (!row) throw new Error('this key belongs to another workspace: choose another');
  return { keyId: row.key_id, key };
}

/** Revokes a key of a workspace; false when there is no such live key. */
export async function revokeKey(db: Queryable, workspaceId: number, keyId: number): Promise<boolean> {
  const { rowCount } = await db.query(
    'UPDATE api_keys SET revoked_at = now() WHERE workspace_id = $1 AND key_id = $2 AND revoked_at IS NULL',
    [workspaceId, keyId],
  );
  return rowCount === 1;
}

export async function listKeys(db: Queryable, workspaceId: number): Promise<KeyInfo[]> {
  const { rows } = await db.query<KeyInfo>(
    `SELECT key_id, name, prefix, scopes, rate_limit, created_at, last_used_at, revoked_at
     FROM api_keys WHERE workspace_id = $1 ORDER BY key_id`,
    [workspaceId],
  );
  return rows;
}

function isScope(value: string): value is Scope {
  return (SCOPES as readonly string[]).includes(value);
}

/** What a key allows, or null when it is unknown or revoked. Marks it as used, at most once a minute. */
export async function findGrant(pool: Pool, key: string): Promise<KeyGrant | null> {
  type Row = WorkspaceRow & { key_id: number; scopes: string[]; rate_limit: number | null; stale: boolean };
  const { rows } = await pool.query<Row>(
    `SELECT k.key_id, k.scopes, k.rate_limit, w.workspace_id, w.name, w.timezone, w.country,
            (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute') AS stale
     FROM api_keys k JOIN workspaces w USING (workspace_id) WHERE k.key_hash = $1 AND k.revoked_at IS NULL`,
    [hashKey(key)],
  );
  const row = rows[0];
  if (!row) return null;
  if (row.stale) await pool.query('UPDATE api_keys SET last_used_at = now() WHERE key_id = $1', [row.key_id]);
  return { ...toWorkspace(row), keyId: row.key_id, scopes: new Set(row.scopes.filter(isScope)), rateLimit: row.rate_limit };
}

/**
 * Fixes a value for the life of the installation: the first caller writes it, every later one gets what was written.
 * Used for the number of lanes: with another number the same address would wait in two lanes.
 */
export async function fixSetting(db: Queryable, name: string, value: string): Promise<string> {
  await db.query('INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [name, value]);
  const { rows } = await db.query<{ value: string }>('SELECT value FROM settings WHERE name = $1', [name]);
  return rows[0]?.value ?? value;
}
