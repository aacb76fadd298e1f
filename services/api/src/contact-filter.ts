/** The filters of contacts.list, .count and .export: reading them, and the contacts that fulfil them, in the order of their ids. */
import { type ContactFilter, filterContactIds } from '@muster/clickhouse';
import { MEMBERSHIP_STATUSES, normaliseCountry, normaliseLanguage } from '@muster/domain';
import { type ContactRow, pageContacts, readContacts, visibleMemberships } from '@muster/postgres';
import { currentSegments, membersOfAny, setOfSegment } from '@muster/segments';
import { matchesFilter } from './contact-match.ts';
import type { ApiDeps } from './deps.ts';
import { fail, invalid } from './http/errors.ts';
import { fromClickHouse, fromPostgres } from './http/failures.ts';
import { listIdValue } from './http/fields.ts';
import { choiceParam, manyParam, type Query, textParam } from './http/query.ts';

const SUBSTRINGS = ['email', 'external_id', 'first_name', 'last_name', 'full_name', 'phone'] as const;
/** Ids asked of the mirror for a page: a few more than it has, because some may have changed since. */
const MIRROR_PAGE = 200;

/** Filters of a request. @throws ApiError 404 for an unknown list or segment, 422 */
export async function readFilter(deps: ApiDeps, workspaceId: number, query: Query): Promise<ContactFilter> {
  const contains: ContactFilter['contains'] = {};
  for (const field of SUBSTRINGS) {
    const text = textParam(query, field);
    if (text !== undefined) contains[field] = text;
  }
  const equals: ContactFilter['equals'] = {};
  const country = textParam(query, 'country');
  if (country !== undefined) equals.country = normaliseCountry(country) ?? country;
  const language = textParam(query, 'language');
  if (language !== undefined) equals.language = normaliseLanguage(language) ?? language;
  const listText = textParam(query, 'list_id');
  const status = choiceParam(query, 'list_status', MEMBERSHIP_STATUSES);
  if (listText === undefined && status !== undefined) throw invalid('list_status', 'required', 'list_status needs a list_id.');
  const filter: ContactFilter = { contains, equals };
  if (listText !== undefined) {
    const listId = listIdValue(listText);
    await deps.lists.require(workspaceId, [listId]);
    filter.list = status === undefined ? { id: listId } : { id: listId, status };
  }
  const segments = manyParam(query, 'segments');
  if (segments.length > 0) filter.members = await membersOf(deps, workspaceId, segments);
  return filter;
}

/** @throws ApiError 404 unless all of the segments exist */
async function membersOf(deps: ApiDeps, workspaceId: number, ids: readonly string[]) {
  const { segments, epochs } = await fromPostgres(currentSegments(deps.pool, workspaceId, ids));
  if (segments.length < ids.length) throw fail('segment_not_found');
  return membersOfAny(
    workspaceId,
    segments.flatMap((s) => setOfSegment(s, epochs) ?? []),
  );
}

export function isEmpty(filter: ContactFilter): boolean {
  return Object.keys(filter.contains).length === 0 && Object.keys(filter.equals).length === 0 && !filter.list && !filter.members;
}

/**
 * Up to `wanted` contacts after an id, in id order. The mirror finds candidates; the rows come from Postgres and are checked again,
 * because the mirror may lag and must not show what is no longer so; members of segments are known to ClickHouse alone. Without filters
 * Postgres alone answers.
 */
export async function filteredPage(
  deps: ApiDeps,
  workspaceId: number,
  filter: ContactFilter,
  after: number,
  wanted: number,
): Promise<ContactRow[]> {
  const mirrorPage = Math.max(MIRROR_PAGE, wanted);
  if (isEmpty(filter)) return fromPostgres(pageContacts(deps.pool, workspaceId, after, wanted));
  const found: ContactRow[] = [];
  for (let last = after; ; ) {
    const ids = await fromClickHouse(filterContactIds(deps.clickhouse, workspaceId, filter, last, mirrorPage));
    const rows = await fromPostgres(readContacts(deps.pool, workspaceId, ids));
    const members = filter.list ? await fromPostgres(visibleMemberships(deps.pool, workspaceId, ids)) : [];
    for (const row of rows) {
      if (!matchesFilter(row, members, filter)) continue;
      found.push(row);
      if (found.length === wanted) return found;
    }
    const lastId = ids.at(-1);
    if (ids.length < mirrorPage || lastId === undefined) return found;
    last = lastId;
  }
}
