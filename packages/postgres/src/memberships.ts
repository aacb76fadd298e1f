import type { Queryable } from './pool.ts';

export type MembershipStatus = 'active' | 'pending' | 'unsubscribed' | 'bounced' | 'complained';

/** One membership as stored. `decided_at` is the deciding item's acceptance in microseconds; times are ISO UTC. */
export type MembershipRow = {
  contact_id: number;
  list_id: string;
  status: MembershipStatus;
  removed: boolean;
  decided_at: number;
  created_at: string;
  updated_at: string;
  version: number;
};

type RawRow = Omit<MembershipRow, 'decided_at' | 'created_at' | 'updated_at'> & { decided_at: string; created_at: Date; updated_at: Date };
const COLUMNS = 'contact_id, list_id, status, removed, decided_at, created_at, updated_at, version';

const toRow = (r: RawRow): MembershipRow => ({
  ...r,
  decided_at: Number(r.decided_at),
  created_at: r.created_at.toISOString(),
  updated_at: r.updated_at.toISOString(),
});

/** All memberships (removed ones too) of the contacts; their contact rows must be locked by the caller before a merge. */
export async function readMemberships(db: Queryable, workspaceId: number, contactIds: readonly number[]): Promise<MembershipRow[]> {
  if (contactIds.length === 0) return [];
  const { rows } = await db.query<RawRow>(`SELECT ${COLUMNS} FROM contact_lists WHERE workspace_id = $1 AND contact_id = ANY($2::int[])`, [
    workspaceId,
    contactIds,
  ]);
  return rows.map(toRow);
}

/** Writes the last state of memberships whose contacts are locked by this transaction. */
export async function writeMemberships(db: Queryable, workspaceId: number, memberships: readonly MembershipRow[]): Promise<void> {
  if (memberships.length === 0) return;
  await db.query(
    `INSERT INTO contact_lists (workspace_id, ${COLUMNS})
     SELECT $1, ${COLUMNS} FROM jsonb_to_recordset($2::jsonb) AS r(contact_id int, list_id text, status text, removed boolean,
       decided_at bigint, created_at timestamptz, updated_at timestamptz, version int)
     ORDER BY contact_id, list_id
     ON CONFLICT (workspace_id, contact_id, list_id) DO UPDATE SET status = EXCLUDED.status, removed = EXCLUDED.removed,
       decided_at = EXCLUDED.decided_at, created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at, version = EXCLUDED.version`,
    [workspaceId, JSON.stringify(memberships)],
  );
}

export type VisibleMembership = { contact_id: number; list_id: string; status: MembershipStatus; created_at: string; updated_at: string };

/** Memberships a reader may see: not removed, list not deleted. */
export async function visibleMemberships(db: Queryable, workspaceId: number, contactIds: readonly number[]): Promise<VisibleMembership[]> {
  if (contactIds.length === 0) return [];
  const { rows } = await db.query<Omit<VisibleMembership, 'created_at' | 'updated_at'> & { created_at: Date; updated_at: Date }>(
    `SELECT m.contact_id, m.list_id, m.status, m.created_at, m.updated_at FROM contact_lists m
     JOIN lists l ON l.workspace_id = m.workspace_id AND l.list_id = m.list_id AND l.deleted_at IS NULL
     WHERE m.workspace_id = $1 AND m.contact_id = ANY($2::int[]) AND NOT m.removed ORDER BY m.contact_id, m.list_id`,
    [workspaceId, contactIds],
  );
  return rows.map((r) => ({ ...r, created_at: r.created_at.toISOString(), updated_at: r.updated_at.toISOString() }));
}

/** A page of a list's members in id order (keyset on contact_id), with the status filter when given. */
export async function pageListMembers(
  db: Queryable,
  workspaceId: number,
  query: { listId: string; status: MembershipStatus | null; afterId: number; limit: number },
): Promise<{ contact_id: number; email: string; status: MembershipStatus; created_at: Date; updated_at: Date }[]> {
  const { rows } = await db.query<{ contact_id: number; email: string; status: MembershipStatus; created_at: Date; updated_at: Date }>(
    `SELECT m.contact_id, c.email, m.status, m.created_at, m.updated_at FROM contact_lists m JOIN contacts c USING (workspace_id, contact_id)
     WHERE m.workspace_id = $1 AND m.list_id = $2 AND NOT m.removed AND m.contact_id > $3 AND ($4::text IS NULL OR m.status = $4)
     ORDER BY m.contact_id LIMIT $5`,
    [workspaceId, query.listId, query.afterId, query.status, query.limit],
  );
  return rows;
}

/** Contacts that still have a live membership of a list, in id order: the work left when a list is deleted. */
export async function membersToRemove(db: Queryable, workspaceId: number, listId: string, afterId: number, limit: number) {
  const { rows } = await db.query<{ contact_id: number; email: string }>(
    `SELECT m.contact_id, c.email FROM contact_lists m JOIN contacts c USING (workspace_id, contact_id)
     WHERE m.workspace_id = $1 AND m.list_id = $2 AND NOT m.removed AND m.contact_id > $3 ORDER BY m.contact_id LIMIT $4`,
    [workspaceId, listId, afterId, limit],
  );
  return rows;
}
