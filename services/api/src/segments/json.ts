/** Segments as answered: the definition as it was sent, and how far its computation is. */
import type { SegmentRow } from '@muster/postgres';

export function segmentJson(row: SegmentRow) {
  return {
    id: row.segment_id,
    name: row.name,
    color: row.color,
    timezone: row.timezone,
    tree: row.tree,
    status: row.status,
    version: row.version,
    users_count: row.users_count,
    computed_at: row.computed_at?.toISOString() ?? null,
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.stale_since === null ? {} : { stale_since: row.stale_since.toISOString() }),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
