/** timeline.list, customEvents.get and customEvents.list. */
import { findCustomEvent, pageCustomEvents, pageTimeline, type StoredCustomEvent, type TimelineEntry } from '@muster/clickhouse';
import { epochState, findContact, segmentIds } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, timelineCursor } from '../http/cursor.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fail } from '../http/errors.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';
import { limitParam, manyParam, type Query, requiredParam, textParam } from '../http/query.ts';
import { contactRef, requireContact } from '../items/contact-ref.ts';

export function eventReadRoutes(deps: ApiDeps): Endpoint[] {
  const timeline: Endpoint['handle'] = async ({ grant, query }) => {
    const limit = limitParam(query, 50, 100);
    const after = decodeCursor(query.one('cursor'), timelineCursor);
    const kinds = manyParam(query, 'kinds');
    const contact = await requireContact(deps, grant.workspaceId, contactRef(named(query)));
    const epochs = await fromPostgres(epochState(deps.pool, grant.workspaceId));
    const page = await fromClickHouse(
      pageTimeline(deps.clickhouse, grant.workspaceId, contact.contact_id, { kinds, after, limit: limit + 1, epochs }),
    );
    const shown = page.slice(0, limit);
    const last = shown.at(-1);
    const next = page.length > limit && last ? { next_cursor: encodeCursor(last.position) } : {};
    return { status: 200, body: { timeline: await withSegmentIds(deps, grant.workspaceId, shown), ...next } };
  };

  const get: Endpoint['handle'] = async ({ grant, query }) => {
    const name = requiredParam(query, 'event_name');
    const key = requiredParam(query, 'external_id');
    const event = await fromClickHouse(findCustomEvent(deps.clickhouse, grant.workspaceId, name, key));
    // The event of an erased contact is gone with the contact, even before ClickHouse has been swept.
    const contact = event && (await fromPostgres(findContact(deps.pool, grant.workspaceId, { contactId: event.contact_id })));
    if (!event || !contact) throw fail('event_not_found');
    return { status: 200, body: { event: eventJson(event, contact.email) } };
  };

  const list: Endpoint['handle'] = async ({ grant, query }) => {
    const limit = limitParam(query, 50, 100);
    const after = decodeCursor(query.one('cursor'), timelineCursor);
    const eventName = textParam(query, 'event_name') ?? null;
    const contact = await requireContact(deps, grant.workspaceId, contactRef(named(query)));
    const page = await fromClickHouse(
      pageCustomEvents(deps.clickhouse, grant.workspaceId, contact.contact_id, { eventName, after, limit: limit + 1 }),
    );
    const shown = page.slice(0, limit);
    const last = shown.at(-1);
    const next = page.length > limit && last ? { next_cursor: encodeCursor(last.position) } : {};
    return { status: 200, body: { events: shown.map((p) => eventJson(p.event, contact.email)), ...next } };
  };

  return [
    { method: 'GET', path: '/api/timeline.list', scopes: ['read'], handle: timeline },
    { method: 'GET', path: '/api/customEvents.get', scopes: ['read'], handle: get },
    { method: 'GET', path: '/api/customEvents.list', scopes: ['read'], handle: list },
  ];
}

const named = (query: Query) => ({ email: textParam(query, 'email'), contact_id: textParam(query, 'contact_id') });

/** Entries whose segments are named by their ids, which deleted segments keep. */
async function withSegmentIds(deps: ApiDeps, workspaceId: number, page: readonly { entry: TimelineEntry }[]): Promise<TimelineEntry[]> {
  const entries = page.map((p) => p.entry);
  const uids = entries.filter((e) => e.entity_type === 'contact_segment').map((e) => Number(e.entity_id));
  if (uids.length === 0) return entries;
  const ids = await fromPostgres(segmentIds(deps.pool, workspaceId, [...new Set(uids)]));
  return entries.map((e) => (e.entity_type === 'contact_segment' ? { ...e, entity_id: ids.get(Number(e.entity_id)) ?? e.entity_id } : e));
}

function eventJson(event: StoredCustomEvent, email: string) {
  return { ...event, email };
}
