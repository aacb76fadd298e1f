import { closeErasureGate } from './locks.ts';
import { inTransaction, type Pool, type Queryable } from './pool.ts';

export type ListRow = {
  id: string;
  name: string;
  description: string;
  is_double_optin: boolean;
  is_public: boolean;
  created_at: string;
  updated_at: string;
};
type RawRow = Omit<ListRow, 'created_at' | 'updated_at'> & { created_at: Date; updated_at: Date };
const COLUMNS = 'list_id AS id, name, description, is_double_optin, is_public, created_at, updated_at';
const toRow = (r: RawRow): ListRow => ({ ...r, created_at: r.created_at.toISOString(), updated_at: r.updated_at.toISOString() });

export type ListInput = { id: string; name: string; description: string; is_double_optin: boolean; is_public: boolean };

/** Creates a list. `taken` = a live list has the id; `being_deleted` = its predecessor's memberships are still being worked off. */
export async function createList(db: Queryable, workspaceId: number, input: ListInput): Promise<ListRow | 'taken' | 'being_deleted'> {
  const { rows } = await db.query<RawRow>(
    `INSERT INTO lists (workspace_id, list_id, name, description, is_double_optin, is_public) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [workspaceId, input.id, input.name, input.description, input.is_double_optin, input.is_public],
  );
  if (rows[0]) return toRow(rows[0]);
  return (await getList(db, workspaceId, input.id)) ? 'taken' : 'being_deleted';
}

/** Changes the given properties; null when there is no such list. */
export async function updateList(
  db: Queryable,
  workspaceId: number,
  id: string,
  patch: Partial<Omit<ListInput, 'id'>>,
): Promise<ListRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE lists SET name = coalesce($3, name), description = coalesce($4, description),
       is_double_optin = coalesce($5, is_double_optin), is_public = coalesce($6, is_public), updated_at = now()
     WHERE workspace_id = $1 AND list_id = $2 AND deleted_at IS NULL RETURNING ${COLUMNS}`,
    [workspaceId, id, patch.name ?? null, patch.description ?? null, patch.is_double_optin ?? null, patch.is_public ?? null],
  );
  return rows[0] ? toRow(rows[0]) : null;
}

export async function getList(db: Queryable, workspaceId: number, id: string): Promise<ListRow | null> {
  const { rows } = await db.query<RawRow>(`SELECT ${COLUMNS} FROM lists WHERE workspace_id = $1 AND list_id = $2 AND deleted_at IS NULL`, [
    workspaceId,
    id,
  ]);
  return rows[0] ? toRow(rows[0]) : null;
}

/** Live lists of a workspace, or those of the given ids. */
export async function listLists(db: Queryable, workspaceId: number, ids?: readonly string[]): Promise<ListRow[]> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${COLUMNS} FROM lists WHERE workspace_id = $1 AND deleted_at IS NULL AND ($2::text[] IS NULL OR list_id = ANY($2)) ORDER BY list_id`,
    [workspaceId, ids ?? null],
  );
  return rows.map(toRow);
}

/** Hides a list at once; false when there is none. Its memberships are worked off in the background. */
export async function hideList(db: Queryable, workspaceId: number, id: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'UPDATE lists SET deleted_at = now() WHERE workspace_id = $1 AND list_id = $2 AND deleted_at IS NULL',
    [workspaceId, id],
  );
  return rowCount === 1;
}

export type HiddenList = { workspace_id: number; list_id: string; deleted_at: Date };

/** Hidden lists whose memberships are still to be worked off, over all workspaces. */
export async function hiddenLists(db: Queryable): Promise<HiddenList[]> {
  const { rows } = await db.query<HiddenList>(
    'SELECT workspace_id, list_id, deleted_at FROM lists WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 100',
  );
  return rows;
}

/**
 * Forgets a hidden list that has no live membership left; its id is free from then on. The caller has seen that it is hidden. Going
 * through the workspace's gate first waits for the writers that may still have read the list as live and add a member.
 */
export async function dropHiddenList(pool: Pool, workspaceId: number, id: string): Promise<boolean> {
  await inTransaction(pool, (client) => closeErasureGate(client, workspaceId));
  const { rowCount } = await pool.query(
    `DELETE FROM lists l WHERE workspace_id = $1 AND list_id = $2 AND deleted_at IS NOT NULL AND NOT EXISTS
       (SELECT FROM contact_lists m WHERE m.workspace_id = $1 AND m.list_id = $2 AND NOT m.removed)`,
    [workspaceId, id],
  );
  return rowCount === 1;
}

/** Members of a list per status. */
export async function listStats(db: Queryable, workspaceId: number, id: string): Promise<Record<string, number>> {
  const { rows } = await db.query<{ status: string; n: string }>(
    'SELECT status, count(*) AS n FROM contact_lists WHERE workspace_id = $1 AND list_id = $2 AND NOT removed GROUP BY status',
    [workspaceId, id],
  );
  return Object.fromEntries(rows.map((r) => [r.status, Number(r.n)]));
}
