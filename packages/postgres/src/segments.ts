/** Definitions of segments: what users make and change, and what readers of members need to know. */
import { type Client, inTransaction, type Pool, type Queryable } from './pool.ts';

export type SegmentStatus = 'building' | 'active' | 'failed';
export type BuildReason = 'changed' | 'requested' | 'drifted' | 'midnight' | 'audit';

export type SegmentRow = {
  segment_uid: number;
  workspace_id: number;
  segment_id: string;
  name: string;
  color: string | null;
  timezone: string;
  /** As it was sent; parsed before it is used. */
  tree: unknown;
  version: number;
  status: SegmentStatus;
  build_reason: BuildReason | null;
  built_version: number | null;
  base_epoch: number | null;
  unlogged: boolean;
  users_count: number;
  computed_at: Date | null;
  error: string | null;
  stale_since: Date | null;
  audit_drift: number | null;
  audited_at: Date | null;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
};

type RawRow = Omit<SegmentRow, 'base_epoch'> & { base_epoch: string | null };
const COLUMNS = `segment_uid, workspace_id, segment_id, name, color, timezone, tree, version, status, build_reason, built_version, base_epoch,
  unlogged, users_count, computed_at, error, stale_since, audit_drift, audited_at, created_at, updated_at, deleted_at`;
const toRow = (r: RawRow): SegmentRow => ({ ...r, base_epoch: r.base_epoch === null ? null : Number(r.base_epoch) });

/** Live segments of a workspace by id. */
export async function listSegments(db: Queryable, workspaceId: number): Promise<SegmentRow[]> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${COLUMNS} FROM segments WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY segment_id`,
    [workspaceId],
  );
  return rows.map(toRow);
}

/** What an evaluator works on: live segments, and deleted ones that still have members. */
export async function segmentsToEvaluate(db: Queryable, workspaceId: number): Promise<SegmentRow[]> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${COLUMNS} FROM segments WHERE workspace_id = $1 AND emptied_at IS NULL ORDER BY segment_uid`,
    [workspaceId],
  );
  return rows.map(toRow);
}

export async function getSegment(db: Queryable, workspaceId: number, id: string): Promise<SegmentRow | null> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${COLUMNS} FROM segments WHERE workspace_id = $1 AND segment_id = $2 AND deleted_at IS NULL`,
    [workspaceId, id],
  );
  return rows[0] ? toRow(rows[0]) : null;
}

/** Ids of segments by uid, those of deleted ones included: logs outlive them. */
export async function segmentIds(db: Queryable, workspaceId: number, uids: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await db.query<{ segment_uid: number; segment_id: string }>(
    'SELECT segment_uid, segment_id FROM segments WHERE workspace_id = $1 AND segment_uid = ANY($2)',
    [workspaceId, uids],
  );
  return new Map(rows.map((r) => [r.segment_uid, r.segment_id]));
}

/** Which epochs of a workspace's logs count. */
export type EpochState = { committed: number; voidEpochs: number[] };

export async function epochState(db: Queryable, workspaceId: number): Promise<EpochState> {
  const { rows } = await db.query<{ committed: string; voids: string[] | null }>(
    `SELECT committed, (SELECT array_agg(v.epoch ORDER BY v.epoch) FROM segment_void_epochs v WHERE v.workspace_id = e.workspace_id) AS voids
     FROM segment_evaluators e WHERE workspace_id = $1`,
    [workspaceId],
  );
  return { committed: Number(rows[0]?.committed ?? 0), voidEpochs: (rows[0]?.voids ?? []).map(Number) };
}

/**
 * Changes definitions, one transaction at a time per workspace: references between segments, and from segments to lists, are checked and
 * changed without anybody in between. Tells the evaluator to read them again.
 */
export function changeSegments<T>(pool: Pool, workspaceId: number, work: (client: Client) => Promise<T>): Promise<T> {
  return inTransaction(pool, async (client) => {
    await client.query(
      `INSERT INTO segment_evaluators (workspace_id) VALUES ($1)
       ON CONFLICT (workspace_id) DO UPDATE SET generation = segment_evaluators.generation + 1`,
      [workspaceId],
    );
    return work(client);
  });
}

export type NewSegment = { id: string; name: string; color: string | null; timezone: string; tree: unknown };

/** Null when a live segment has the id. Inside {@link changeSegments}. */
export async function createSegment(client: Client, workspaceId: number, input: NewSegment): Promise<SegmentRow | null> {
  const { rows } = await client.query<RawRow>(
    `INSERT INTO segments (workspace_id, segment_id, name, color, timezone, tree) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (workspace_id, segment_id) WHERE deleted_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
    [workspaceId, input.id, input.name, input.color, input.timezone, JSON.stringify(input.tree)],
  );
  return rows[0] ? toRow(rows[0]) : null;
}

export type SegmentPatch = { name?: string; color?: string | null; timezone?: string; tree?: unknown };

/** Changes what is given; only another tree or timezone is a new version, which is built. Inside {@link changeSegments}. */
export async function updateSegment(client: Client, workspaceId: number, id: string, patch: SegmentPatch): Promise<SegmentRow | null> {
  const { rows } = await client.query<RawRow>(
    `UPDATE segments SET name = coalesce($3, name), color = CASE WHEN $4 THEN $5 ELSE color END,
       timezone = coalesce($6::text, timezone), tree = coalesce($7::jsonb, tree), updated_at = now(),
       version = version + changed::int, status = CASE WHEN changed THEN 'building' ELSE status END,
       build_reason = CASE WHEN changed THEN 'changed' ELSE build_reason END, error = CASE WHEN changed THEN NULL ELSE error END
     FROM (SELECT segment_uid AS uid, ($6::text IS NOT NULL AND $6::text <> timezone) OR ($7::jsonb IS NOT NULL AND $7::jsonb <> tree) AS changed
           FROM segments WHERE workspace_id = $1 AND segment_id = $2 AND deleted_at IS NULL) AS before
     WHERE segment_uid = before.uid RETURNING ${COLUMNS}`,
    [
      ...[workspaceId, id, patch.name ?? null, patch.color !== undefined, patch.color ?? null, patch.timezone ?? null],
      patch.tree === undefined ? null : JSON.stringify(patch.tree),
    ],
  );
  return rows[0] ? toRow(rows[0]) : null;
}

/** Hides a segment and frees its id; its members leave in the background. False when there is none. Inside {@link changeSegments}. */
export async function hideSegment(client: Client, workspaceId: number, id: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'UPDATE segments SET deleted_at = now(), updated_at = now() WHERE workspace_id = $1 AND segment_id = $2 AND deleted_at IS NULL',
    [workspaceId, id],
  );
  return rowCount === 1;
}

/**
 * Asks for a segment, or for all of them, to be computed anew. Returns how many. Inside {@link changeSegments}.
 *
 * An audit is asked for only where nothing else is wanted: it ends without a new set when it finds nothing, and a segment that waited for
 * one would wait for ever. A failed one has old members, which an audit would call drift.
 */
export async function requestBuilds(
  client: Client,
  workspaceId: number,
  id: string | null,
  reason: Extract<BuildReason, 'requested' | 'audit' | 'drifted'>,
): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE segments SET build_reason = $3, status = CASE WHEN $3 = 'requested' THEN 'building' ELSE status END
     WHERE workspace_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR segment_id = $2) AND build_reason IS DISTINCT FROM 'changed'
       AND ($3 <> 'audit' OR (build_reason IS NULL AND status = 'active'))`,
    [workspaceId, id, reason],
  );
  return rowCount ?? 0;
}

export type SegmentDay = { day: string; joins: number; leaves: number; size: number };

/** Days with joins or leaves, oldest first, up to `to`; the last one before `from` is included, because its size still held then. */
export async function segmentDays(db: Queryable, segmentUid: number, from: string, to: string): Promise<SegmentDay[]> {
  const { rows } = await db.query<SegmentDay>(
    `SELECT day::text AS day, joins, leaves, size FROM segment_days
     WHERE segment_uid = $1 AND day <= $3::date
       AND day >= coalesce((SELECT max(day) FROM segment_days WHERE segment_uid = $1 AND day < $2::date), $2::date) ORDER BY segment_days.day`,
    [segmentUid, from, to],
  );
  return rows;
}
