import type { Queryable } from './pool.ts';

/**
 * An item that was accepted and could not be applied. `payload` is its JSON text; `email_hash` (of the address, else of the
 * external_id) finds it for an erasure.
 */
export type NewRejection = {
  item_id: string;
  job_id: string;
  source: string;
  code: string;
  field: string;
  message: string;
  payload: string;
  email_hash: string | null;
  accepted_at: number;
};

/** Records rejections; an item that was recorded before (a repeated job) is not recorded twice. `email_hash` is hex. */
export async function recordRejections(db: Queryable, workspaceId: number, rejections: readonly NewRejection[]): Promise<void> {
  if (rejections.length === 0) return;
  await db.query(
    `INSERT INTO rejections (workspace_id, item_id, job_id, source, code, field, message, payload, email_hash, accepted_at)
     SELECT $1, item_id, job_id, source, code, field, message, payload, decode(email_hash, 'hex'), accepted_at
     FROM jsonb_to_recordset($2::jsonb) AS r(item_id text, job_id text, source text, code text, field text, message text,
       payload text, email_hash text, accepted_at bigint)
     ON CONFLICT (workspace_id, item_id) DO NOTHING`,
    [workspaceId, JSON.stringify(rejections)],
  );
}

export type RejectionRow = {
  rejection_id: string;
  item_id: string;
  job_id: string;
  source: string;
  code: string;
  field: string;
  message: string;
  payload: string;
  accepted_at: string;
};

/** A page of rejections, newest first (keyset on the id). */
export async function pageRejections(
  db: Queryable,
  workspaceId: number,
  query: { beforeId: string | null; limit: number; code: string | null; jobId: string | null },
): Promise<RejectionRow[]> {
  const { rows } = await db.query<RejectionRow>(
    `SELECT rejection_id, item_id, job_id, source, code, field, message, payload, accepted_at FROM rejections
     WHERE workspace_id = $1 AND ($2::bigint IS NULL OR rejection_id < $2) AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR job_id = $5)
     ORDER BY rejection_id DESC LIMIT $3`,
    [workspaceId, query.beforeId, query.limit, query.code, query.jobId],
  );
  return rows;
}

/** Rejections of one job, by item id, for `jobs.get`. */
export async function rejectionsOfJob(
  db: Queryable,
  workspaceId: number,
  jobId: string,
): Promise<Map<string, { field: string; code: string; message: string }>> {
  const { rows } = await db.query<{ item_id: string; field: string; code: string; message: string }>(
    'SELECT item_id, field, code, message FROM rejections WHERE workspace_id = $1 AND job_id = $2',
    [workspaceId, jobId],
  );
  return new Map(rows.map((r) => [r.item_id, { field: r.field, code: r.code, message: r.message }]));
}

/** Drops rejections older than `days`; returns how many. */
export async function pruneRejections(db: Queryable, days: number): Promise<number> {
  const { rowCount } = await db.query("DELETE FROM rejections WHERE created_at < now() - $1 * interval '1 day'", [days]);
  return rowCount ?? 0;
}
