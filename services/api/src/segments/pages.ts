/**
 * Pages of a segment's members, pinned: the first page chooses a complete set and the last epoch that counts, its cursor names them, and
 * the pages after it show that very version. A cursor is good for 15 minutes.
 */
import { type ContactRow, readContacts } from '@muster/postgres';
import { type Current, currentSegments, pageMembers, type SetRef, setAt, setOfSegment } from '@muster/segments';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, memberCursor } from '../http/cursor.ts';
import { fail } from '../http/errors.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';

const PINNED_MS = 15 * 60_000;
/** Clocks of API processes may differ by this much. */
const CLOCK_MS = 60_000;
/** Ids asked for beyond a page, because some contacts may have been erased since. */
const SPARE = 10;

/** `at`: the members at that time, milliseconds; null = now. */
export type MemberQuery = { segmentId: string; at: number | null; limit: number; cursor: string | undefined };
export type MemberPage = { rows: ContactRow[]; nextCursor: string | null };

type Place = { set: SetRef; afterId: number };

/** @throws ApiError 404, or 400 for a cursor of another query, of another segment that had the id, or that is too old */
export async function memberPage(deps: ApiDeps, workspaceId: number, query: MemberQuery): Promise<MemberPage> {
  const current = await fromPostgres(currentSegments(deps.pool, workspaceId, [query.segmentId]));
  const place = placeInCursor(current, query) ?? (await firstPlace(deps, workspaceId, current, query));
  if (!place) return { rows: [], nextCursor: null };
  const rows = await readPage(deps, workspaceId, place, query.limit + 1);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  return { rows: shown, nextCursor: rows.length > query.limit && last ? cursorOf(place.set, query, last.contact_id) : null };
}

/** Null when the segment has no members yet. */
async function firstPlace(deps: ApiDeps, workspaceId: number, { segments, epochs }: Current, { at }: MemberQuery): Promise<Place | null> {
  const [segment] = segments;
  if (!segment) throw fail('segment_not_found');
  const set =
    at === null ? setOfSegment(segment, epochs) : await fromClickHouse(setAt(deps.clickhouse, workspaceId, segment.segmentUid, epochs, at));
  return set && { set, afterId: 0 };
}

function placeInCursor({ segments, epochs, now }: Current, query: MemberQuery): Place | null {
  const decoded = decodeCursor(query.cursor, memberCursor);
  if (!decoded) return null;
  const [segmentUid, baseEpoch, epoch, issuedAt, at, afterId] = decoded;
  if (issuedAt < now - PINNED_MS) throw fail('invalid_cursor', { message: 'This cursor is older than 15 minutes; start without one.' });
  // A cursor is no secret: one that was made up must not show more than there is to see.
  const fits = segmentUid === segments[0]?.segmentUid && epoch <= epochs.committed && baseEpoch <= epoch && at === atText(query);
  if (!fits || issuedAt > now + CLOCK_MS) throw fail('invalid_cursor');
  return { set: { segmentUid, baseEpoch, epoch, voidEpochs: epochs.voidEpochs }, afterId };
}

const atText = ({ at }: MemberQuery) => (at === null ? '' : String(at));

function cursorOf(set: SetRef, query: MemberQuery, afterId: number): string {
  return encodeCursor([set.segmentUid, set.baseEpoch, set.epoch, Date.now(), atText(query), afterId]);
}

/** Up to `wanted` contacts after a place. Members who were erased since are left out. */
async function readPage(deps: ApiDeps, workspaceId: number, { set, afterId }: Place, wanted: number): Promise<ContactRow[]> {
  const found: ContactRow[] = [];
  const asked = wanted + SPARE;
  for (let last = afterId; ; ) {
    const ids = await fromClickHouse(pageMembers(deps.clickhouse, workspaceId, set, last, asked));
    if (!ids) throw fail('invalid_cursor', { message: 'The members that this cursor shows are not kept any more; start without one.' });
    found.push(...(await fromPostgres(readContacts(deps.pool, workspaceId, ids))));
    const lastId = ids.at(-1);
    if (found.length >= wanted || ids.length < asked || lastId === undefined) return found.slice(0, wanted);
    last = lastId;
  }
}

/**
 * All members, batch by batch, in the order of their ids: those of the moment it begins. Should that set be kept no longer before the end is
 * reached, it goes on, from where it is, with the members there are then. @throws ApiError 404
 */
export async function* allMembers(
  deps: Pick<ApiDeps, 'pool' | 'clickhouse'>,
  workspaceId: number,
  segmentId: string,
  batch: number,
): AsyncGenerator<ContactRow[], void, void> {
  const pin = async () => {
    const { segments, epochs } = await fromPostgres(currentSegments(deps.pool, workspaceId, [segmentId]));
    const [segment] = segments;
    if (!segment) throw fail('segment_not_found');
    return setOfSegment(segment, epochs);
  };
  let set = await pin();
  for (let last = 0; set; ) {
    let ids = await fromClickHouse(pageMembers(deps.clickhouse, workspaceId, set, last, batch));
    if (!ids) {
      set = await pin();
      ids = set && (await fromClickHouse(pageMembers(deps.clickhouse, workspaceId, set, last, batch)));
      if (!ids) return;
    }
    const lastId = ids.at(-1);
    if (lastId === undefined) return;
    yield await fromPostgres(readContacts(deps.pool, workspaceId, ids));
    if (ids.length < batch) return;
    last = lastId;
  }
}
