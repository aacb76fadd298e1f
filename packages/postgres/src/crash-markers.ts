/**
 * Markers of chunks that killed their worker. They are written by autocommit statements outside the chunk's transaction, so that
 * they survive the crash they are there to find.
 */
import type { Queryable } from './pool.ts';

/** Where a walk is: at one item, or in a range that begins with it. */
export type Place = { readonly item: number; readonly range: boolean };
/** What the walks before found out: items that end the worker, and where the last walk ended (null = nowhere that is known). */
export type Marker = { readonly culprits: readonly number[]; readonly suspect: Place | null };

/** A place as the table holds it: items from 0, ranges from -2 down, -1 = none. */
const toNumber = (place: Place | null): number => (place === null ? -1 : place.range ? -2 - place.item : place.item);
const toPlace = (n: number): Place | null => (n === -1 ? null : n < 0 ? { item: -2 - n, range: true } : { item: n, range: false });

/**
 * Opens the marker of a chunk for another walk. The place at which the last walk ended becomes the suspect, and a culprit when it is
 * one item at which the walk before ended, too.
 */
export async function openMarker(db: Queryable, chunkId: string): Promise<Marker> {
  const { rows } = await db.query<{ culprits: number[]; suspect: number }>(
    `INSERT INTO crash_markers AS m (chunk_id) VALUES ($1)
     ON CONFLICT (chunk_id) DO UPDATE SET
       culprits = CASE WHEN m.item >= 0 AND m.item = m.suspect THEN m.culprits || m.item ELSE m.culprits END,
       suspect = CASE WHEN m.item = -1 THEN m.suspect WHEN m.item >= 0 AND m.item = m.suspect THEN -1 ELSE m.item END,
       item = -1, updated_at = now()
     RETURNING culprits, suspect`,
    [chunkId],
  );
  const [row] = rows;
  return { culprits: row?.culprits ?? [], suspect: toPlace(row?.suspect ?? -1) };
}

/** Notes what is being worked on; null = nothing that could be to blame. */
export async function markPlace(db: Queryable, chunkId: string, place: Place | null): Promise<void> {
  await db.query('UPDATE crash_markers SET item = $2, updated_at = now() WHERE chunk_id = $1', [chunkId, toNumber(place)]);
}

export async function dropMarker(db: Queryable, chunkId: string): Promise<void> {
  await db.query('DELETE FROM crash_markers WHERE chunk_id = $1', [chunkId]);
}
