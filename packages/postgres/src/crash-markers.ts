/**
 * Markers of chunks that killed their worker. They are written by autocommit statements outside the chunk's transaction, so that
 * they survive the crash they are there to find.
 */
import type { Queryable } from './pool.ts';

/**
 * Opens the marker of a chunk for another walk. The item at which the last walk ended becomes the suspect, and a culprit when
 * the walk before ended there, too. Returns the culprits found so far: they are rejected without being touched.
 */
export async function openMarker(db: Queryable, chunkId: string): Promise<number[]> {
  const { rows } = await db.query<{ culprits: number[] }>(
    `INSERT INTO crash_markers AS m (chunk_id) VALUES ($1)
     ON CONFLICT (chunk_id) DO UPDATE SET
       culprits = CASE WHEN m.item >= 0 AND m.item = m.suspect THEN m.culprits || m.item ELSE m.culprits END,
       suspect = CASE WHEN m.item < 0 THEN m.suspect WHEN m.item = m.suspect THEN -1 ELSE m.item END,
       item = -1, updated_at = now()
     RETURNING culprits`,
    [chunkId],
  );
  return rows[0]?.culprits ?? [];
}

/** Notes that `item` is being worked on. */
export async function markItem(db: Queryable, chunkId: string, item: number): Promise<void> {
  await db.query('UPDATE crash_markers SET item = $2, updated_at = now() WHERE chunk_id = $1', [chunkId, item]);
}

export async function dropMarker(db: Queryable, chunkId: string): Promise<void> {
  await db.query('DELETE FROM crash_markers WHERE chunk_id = $1', [chunkId]);
}
