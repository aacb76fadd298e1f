/**
 * Audits: a segmenter computes everybody anew and compares that with the stored members; whoever differs is drift, which must be 0, and
 * is put right. Here they are asked for and followed.
 */
import type { Queryable } from './pool.ts';
import type { BuildReason, SegmentStatus } from './segments.ts';

export type AuditState = {
  segmentUid: number;
  segmentId: string;
  status: SegmentStatus;
  /** What is wanted of it at the moment. */
  buildReason: BuildReason | null;
  users: number;
  error: string | null;
  /** Contacts on the wrong side in an audit that ended at `since` or later; null = there was none. */
  drift: number | null;
};

/** Live segments of a workspace by id. `since` is text that {@link postgresTime} gave. */
export async function auditStates(db: Queryable, workspaceId: number, since: string): Promise<AuditState[]> {
  const { rows } = await db.query<AuditState>(
    `SELECT segment_uid AS "segmentUid", segment_id AS "segmentId", status, build_reason AS "buildReason", users_count AS users, error,
       CASE WHEN audited_at >= $2::timestamptz THEN audit_drift END AS drift
     FROM segments WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY segment_id`,
    [workspaceId, since],
  );
  return rows;
}

/** Postgres' clock, in full: an audit that ends later is newer. */
export async function postgresTime(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
  return rows[0]?.at ?? '';
}

/** Whether evaluators are at work anywhere: one holds a lease, or `steps` has grown since it was last read. */
export async function evaluatorPulse(db: Queryable): Promise<{ steps: number; leased: boolean }> {
  const { rows } = await db.query<{ steps: string; leased: boolean }>(
    `SELECT coalesce(sum(epoch), 0)::text AS steps, coalesce(bool_or(leased_until > clock_timestamp()), false) AS leased FROM segment_evaluators`,
  );
  return { steps: Number(rows[0]?.steps ?? 0), leased: rows[0]?.leased ?? false };
}

/** Contacts that the last audits of a workspace's live segments found on the wrong side, by workspace; those never audited are absent. */
export async function driftByWorkspace(db: Queryable): Promise<Map<number, number>> {
  const { rows } = await db.query<{ workspace_id: number; drift: string }>(
    `SELECT workspace_id, sum(audit_drift) AS drift FROM segments WHERE deleted_at IS NULL AND audit_drift IS NOT NULL GROUP BY workspace_id`,
  );
  return new Map(rows.map((r) => [r.workspace_id, Number(r.drift)]));
}
