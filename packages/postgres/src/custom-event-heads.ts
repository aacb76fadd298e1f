import { createHash } from 'node:crypto';
import type { Queryable } from './pool.ts';

/**
 * Head of one custom event: whom it belongs to and its latest version, which only grows, also over an erasure of the head. `key_hash`
 * is hex, `accepted_at` microseconds, `ord` the place of the write in its request.
 */
export type HeadRow = { key_hash: string; contact_id: number; version: number; occurred_at: string; accepted_at: number; ord: number };

/** Key of a head: 16 bytes of SHA-256 over name and id, as hex. The NUL between them cannot occur in either. */
export function headKey(eventName: string, externalId: string): string {
  return createHash('sha256').update(`${eventName}\0${externalId}`).digest('hex').slice(0, 32);
}

/** Heads of the keys; the lane of the caller is their only writer besides erasure. */
export async function readHeads(db: Queryable, workspaceId: number, keys: readonly string[]): Promise<Map<string, HeadRow>> {
  const { rows } = await db.query<
    Omit<HeadRow, 'accepted_at' | 'occurred_at' | 'version'> & { accepted_at: string; occurred_at: Date; version: string }
  >(
    // One index probe per key, whatever the planner knows of the table.
    `SELECT k AS key_hash, h.* FROM unnest($2::text[]) AS k CROSS JOIN LATERAL
       (SELECT contact_id, version, occurred_at, accepted_at, ord FROM custom_event_heads
        WHERE workspace_id = $1 AND key_hash = decode(k, 'hex') LIMIT 1) AS h`,
    [workspaceId, keys],
  );
  return new Map(
    rows.map((r) => [
      r.key_hash,
      { ...r, version: Number(r.version), accepted_at: Number(r.accepted_at), occurred_at: r.occurred_at.toISOString() },
    ]),
  );
}

export async function writeHeads(db: Queryable, workspaceId: number, heads: readonly HeadRow[]): Promise<void> {
  if (heads.length === 0) return;
  await db.query(
    `INSERT INTO custom_event_heads (workspace_id, key_hash, contact_id, version, occurred_at, accepted_at, ord)
     SELECT $1, decode(key_hash, 'hex'), contact_id, version, occurred_at, accepted_at, ord
     FROM jsonb_to_recordset($2::jsonb) AS r(key_hash text, contact_id int, version bigint, occurred_at timestamptz, accepted_at bigint,
       ord int)
     ON CONFLICT (workspace_id, key_hash) DO UPDATE SET contact_id = EXCLUDED.contact_id, version = EXCLUDED.version,
       occurred_at = EXCLUDED.occurred_at, accepted_at = EXCLUDED.accepted_at, ord = EXCLUDED.ord`,
    [workspaceId, JSON.stringify(heads)],
  );
}
