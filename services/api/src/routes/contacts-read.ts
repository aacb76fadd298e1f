/** contacts.getByEmail, contacts.getByExternalID, contacts.list and contacts.count. */
import { countContacts } from '@muster/clickhouse';
import { visibleMemberships } from '@muster/postgres';
import { filteredPage, readFilter } from '../contact-filter.ts';
import { contactJson, detailedContact, membershipJson } from '../contact-json.ts';
import type { ApiDeps } from '../deps.ts';
import { contactCursor, decodeCursor, encodeCursor } from '../http/cursor.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';
import { booleanParam, limitParam, requiredParam } from '../http/query.ts';
import { contactRef, requireContact } from '../items/contact-ref.ts';

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
    const rows = await filteredPage(deps, workspaceId, filter, after, limit + 1);
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
