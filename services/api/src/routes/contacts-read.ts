/** contacts.getByEmail, contacts.getByExternalID, contacts.list and contacts.count. */
import { type ContactFilter, countContacts, filterContactIds } from '@muster/clickhouse';
import { MEMBERSHIP_STATUSES, normaliseCountry, normaliseLanguage } from '@muster/domain';
import { type ContactRow, pageContacts, readContacts, visibleMemberships } from '@muster/postgres';
import { currentSegments, membersOfAny, setOfSegment } from '@muster/segments';
import { contactJson, detailedContact, membershipJson } from '../contact-json.ts';
import { matchesFilter } from '../contact-match.ts';
import type { ApiDeps } from '../deps.ts';
import { contactCursor, decodeCursor, encodeCursor } from '../http/cursor.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fail, invalid } from '../http/errors.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';
import { listIdValue } from '../http/fields.ts';
import { booleanParam, choiceParam, limitParam, manyParam, type Query, requiredParam, textParam } from '../http/query.ts';
import { contactRef, requireContact } from '../items/contact-ref.ts';

const SUBSTRINGS = ['email', 'external_id', 'first_name', 'last_name', 'full_name', 'phone'] as const;
/** Ids asked of the mirror at a time: a few more than a page, because some may have changed since. */
const MIRROR_PAGE = 200;

export function contactReadRoutes(deps: ApiDeps): Endpoint[] {
  const getByEmail: Endpoint['handle'] = async ({ grant, query }) => {
    const row = await requireContact(deps, grant.workspaceId, contactRef({ email: requiredParam(query, 'email') }));
    return { status: 200, body: { contact: await detailedContact(deps, grant.workspaceId, row) } };
  };

  const getByExternalId: Endpoint['handle'] = async ({ grant, query }) => {
    const row = await requireContact(deps, grant.workspaceId, contactRef({ external_id: requiredParam(query, 'external_id') }));
    return { status: 200, body: { contact: await detailedContact(deps, grant.workspaceId, row) } };
  };

  const list: Endpoint['handle'] = async ({ grant, query }) => {
    const { workspaceId } = grant;
    const limit = limitParam(query, 20, 100);
    const after = decodeCursor(query.one('cursor'), contactCursor)?.[0] ?? 0;
    const withLists = booleanParam(query, 'with_contact_lists');
    const filter = await readFilter(deps, workspaceId, query);
    const rows = await pageOf(deps, workspaceId, filter, after, limit + 1);
    const page = rows.slice(0, limit);
    const memberships = withLists
      ? await fromPostgres(
          visibleMemberships(
            deps.pool,
            workspaceId,
            page.map((r) => r.contact_id),
          ),
        )
      : [];
    const contacts = page.map((row) =>
      withLists
        ? { ...contactJson(row), contact_lists: memberships.filter((m) => m.contact_id === row.contact_id).map(membershipJson) }
        : contactJson(row),
    );
    const last = page.at(-1);
    return { status: 200, body: { contacts, ...(rows.length > limit && last ? { next_cursor: encodeCursor([last.contact_id]) } : {}) } };
  };

  const count: Endpoint['handle'] = async ({ grant, query }) => {
    const filter = await readFilter(deps, grant.workspaceId, query);
    return { status: 200, body: { count: await fromClickHouse(countContacts(deps.clickhouse, grant.workspaceId, filter)) } };
  };

  return [
    { method: 'GET', path: '/api/contacts.getByEmail', scopes: ['read'], handle: getByEmail },
    { method: 'GET', path: '/api/contacts.getByExternalID', scopes: ['read'], handle: getByExternalId },
    { method: 'GET', path: '/api/contacts.list', scopes: ['read'], handle: list },
    { method: 'GET', path: '/api/contacts.count', scopes: ['read'], handle: count },
  ];
}

/** Filters of a request. @throws ApiError 404 for an unknown list or segment, 422 */
async function readFilter(deps: ApiDeps, workspaceId: number, query: Query): Promise<ContactFilter> {
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

function isEmpty(filter: ContactFilter): boolean {
  return Object.keys(filter.contains).length === 0 && Object.keys(filter.equals).length === 0 && !filter.list && !filter.members;
}

/**
 * Up to `wanted` contacts after an id, in id order. The mirror finds candidates; the rows come from Postgres and are checked again,
 * because the mirror may lag and must not show what is no longer so; members of segments are known to ClickHouse alone. Without filters
 * Postgres alone answers.
 */
async function pageOf(deps: ApiDeps, workspaceId: number, filter: ContactFilter, after: number, wanted: number): Promise<ContactRow[]> {
  if (isEmpty(filter)) return fromPostgres(pageContacts(deps.pool, workspaceId, after, wanted));
  const found: ContactRow[] = [];
  for (let last = after; ; ) {
    const ids = await fromClickHouse(filterContactIds(deps.clickhouse, workspaceId, filter, last, MIRROR_PAGE));
    const rows = await fromPostgres(readContacts(deps.pool, workspaceId, ids));
    const members = filter.list ? await fromPostgres(visibleMemberships(deps.pool, workspaceId, ids)) : [];
    for (const row of rows) {
      if (!matchesFilter(row, members, filter)) continue;
      found.push(row);
      if (found.length === wanted) return found;
    }
    const lastId = ids.at(-1);
    if (ids.length < MIRROR_PAGE || lastId === undefined) return found;
    last = lastId;
  }
}
