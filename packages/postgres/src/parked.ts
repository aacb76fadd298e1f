import type { Queryable } from './pool.ts';

/** An item that waits for a contact with its external_id. `claim` is the owner token of its claimed producer id, if any. */
export type ParkedItem = {
  item_id: string;
  external_id: string;
  kind: 'event' | 'custom_event';
  job_id: string;
  payload: string;
  accepted_at: number;
  ord: number;
  claim: string | null;
};

/** Parks items; the caller holds the lock of their external ids and has looked again under it. */
export async function parkItems(db: Queryable, workspaceId: number, items: readonly ParkedItem[]): Promise<void> {
  if (items.length === 0) return;
  await db.query(
    `INSERT INTO parked_items (workspace_id, item_id, external_id, kind, job_id, payload, accepted_at, ord, claim)
     SELECT $1, item_id, external_id, kind, job_id, payload, accepted_at, ord, claim
     FROM jsonb_to_recordset($2::jsonb) AS r(item_id text, external_id text, kind text, job_id text, payload text,
       accepted_at bigint, ord int, claim text)
     ON CONFLICT DO NOTHING`,
    [workspaceId, JSON.stringify(items)],
  );
}

type RawParked = Omit<ParkedItem, 'accepted_at'> & { accepted_at: string };
const toItem = (r: RawParked): ParkedItem => ({ ...r, accepted_at: Number(r.accepted_at) });

/** Takes up to `limit` parked items of one external_id, oldest first; the caller holds that id's lock. */
export async function takeParked(db: Queryable, workspaceId: number, externalId: string, limit: number): Promise<ParkedItem[]> {
  const { rows } = await db.query<RawParked>(
    `DELETE FROM parked_items WHERE workspace_id = $1 AND item_id IN (
       SELECT item_id FROM parked_items WHERE workspace_id = $1 AND external_id = $2 ORDER BY accepted_at, ord, item_id LIMIT $3)
     RETURNING item_id, external_id, kind, job_id, payload, accepted_at, ord, claim`,
    [workspaceId, externalId, limit],
  );
  return rows.map(toItem).sort((a, b) => a.accepted_at - b.accepted_at || a.ord - b.ord);
}

/** Which of the external ids have parked items. */
export async function parkedAmong(db: Queryable, workspaceId: number, externalIds: readonly string[]): Promise<string[]> {
  if (externalIds.length === 0) return [];
  const { rows } = await db.query<{ external_id: string }>(
    `SELECT p.external_id FROM unnest($2::text[]) AS k(v) CROSS JOIN LATERAL
       (SELECT external_id FROM parked_items WHERE workspace_id = $1 AND external_id = k.v LIMIT 1) AS p`,
    [workspaceId, externalIds],
  );
  return rows.map((r) => r.external_id);
}

/** Parked ids that a contact has by now: what a crash between setting the id and delivering left behind. */
export async function deliverableParked(db: Queryable, limit: number): Promise<{ workspace_id: number; external_id: string }[]> {
  const { rows } = await db.query<{ workspace_id: number; external_id: string }>(
    `SELECT DISTINCT p.workspace_id, p.external_id FROM parked_items p
     JOIN contacts c ON c.workspace_id = p.workspace_id AND c.external_id = p.external_id LIMIT $1`,
    [limit],
  );
  return rows;
}

/** Takes items parked longer than `days`, of one workspace. */
export async function takeExpiredParked(db: Queryable, days: number, limit: number): Promise<(ParkedItem & { workspace_id: number })[]> {
  const { rows } = await db.query<RawParked & { workspace_id: number }>(
    `DELETE FROM parked_items WHERE (workspace_id, item_id) IN (
       SELECT workspace_id, item_id FROM parked_items WHERE parked_at < now() - $1 * interval '1 day' ORDER BY parked_at LIMIT $2)
     RETURNING workspace_id, item_id, external_id, kind, job_id, payload, accepted_at, ord, claim`,
    [days, limit],
  );
  // RETURNING promises no order; their rejections are listed in the order in which they came.
  return rows.map((r) => ({ ...toItem(r), workspace_id: r.workspace_id })).sort((a, b) => a.accepted_at - b.accepted_at || a.ord - b.ord);
}
