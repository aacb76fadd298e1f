/** segments.list, .get, .preview, .contacts and .history. */
import { clickhouseCode } from '@muster/clickhouse';
import { parseDateTime } from '@muster/domain';
import { getSegment, listSegments, readContacts, type SegmentRow, segmentDays } from '@muster/postgres';
import { currentSegments, type Node, previewTree, type SetRef, segmentsOf, setOfSegment, TooHeavyError } from '@muster/segments';
import { contactJson } from '../contact-json.ts';
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fail, invalid } from '../http/errors.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';
import { segmentIdValue } from '../http/fields.ts';
import { limitParam, type Query, requiredParam, textParam } from '../http/query.ts';
import { everyDay, rangeParams } from '../segments/history.ts';
import { DEFAULT_PREVIEW_CONTACTS, previewFields, readBody, readFields, requireTree, zoneOf } from '../segments/input.ts';
import { segmentJson } from '../segments/json.ts';
import { memberPage } from '../segments/pages.ts';
import { requireReferences } from '../segments/references.ts';

/** Somebody waits for a preview: a sixth of the time of a build, and the memory that a build has by default. */
const PREVIEW_LIMITS = { seconds: 10, memoryBytes: 4_000_000_000 };
/** A time that is a little ahead is now: clocks differ. */
const AHEAD_MS = 60_000;

export function segmentReadRoutes(deps: ApiDeps): Endpoint[] {
  const list: Endpoint['handle'] = async ({ grant }) => ({
    status: 200,
    body: { segments: (await fromPostgres(listSegments(deps.pool, grant.workspaceId))).map(segmentJson) },
  });

  const get: Endpoint['handle'] = async ({ grant, query }) => ({
    status: 200,
    body: { segment: segmentJson(await requireSegment(deps, grant.workspaceId, query, 'id')) },
  });

  const preview: Endpoint['handle'] = async (request) => {
    const started = performance.now();
    const { workspaceId } = request.grant;
    const body = await readBody(deps, request);
    const timezone = zoneOf(body) ?? zoneOf(request.grant) ?? 'UTC';
    const { fields, warnings } = readFields(body, previewFields, timezone);
    const tree = requireTree(body.tree, timezone);
    await fromPostgres(requireReferences(deps.pool, workspaceId, tree, null));
    const { now, members } = await membersOfReferences(deps, workspaceId, tree);
    const { limit = DEFAULT_PREVIEW_CONTACTS } = fields;
    const evaluation = previewTree(deps.clickhouse, { workspaceId, tree, timezone, now, members, limit }, PREVIEW_LIMITS);
    const found = await fromClickHouse(
      evaluation.catch((error: unknown) => {
        if (!(error instanceof TooHeavyError)) throw error;
        deps.log.info({ workspace_id: workspaceId, code: clickhouseCode(error.cause) }, 'a preview was too heavy');
        return null;
      }),
    );
    if (!found) throw fail('segment_too_heavy');
    const rows = await fromPostgres(readContacts(deps.pool, workspaceId, found.contactIds));
    const took = Math.round(performance.now() - started);
    return { status: 200, body: { total_count: found.total, contacts: rows.map(contactJson), took_ms: took, warnings } };
  };

  const contacts: Endpoint['handle'] = async ({ grant, query }) => {
    const limit = limitParam(query, 20, 100);
    const segment = await requireSegment(deps, grant.workspaceId, query, 'segment_id');
    const at = atParam(query, segment.timezone);
    const members = { segmentId: segment.segment_id, at, limit, cursor: query.one('cursor') };
    const { rows, nextCursor } = await memberPage(deps, grant.workspaceId, members);
    return { status: 200, body: { contacts: rows.map(contactJson), ...(nextCursor === null ? {} : { next_cursor: nextCursor }) } };
  };

  const history: Endpoint['handle'] = async ({ grant, query }) => {
    const segment = await requireSegment(deps, grant.workspaceId, query, 'id');
    const range = rangeParams(query, segment.timezone, Date.now());
    const known = await fromPostgres(segmentDays(deps.pool, segment.segment_uid, range.from, range.to));
    return { status: 200, body: { days: everyDay(range, known) } };
  };

  return [
    { method: 'GET', path: '/api/segments.list', scopes: ['read'], handle: list },
    { method: 'GET', path: '/api/segments.get', scopes: ['read'], handle: get },
    { method: 'POST', path: '/api/segments.preview', scopes: ['read'], handle: preview },
    { method: 'GET', path: '/api/segments.contacts', scopes: ['read'], handle: contacts },
    { method: 'GET', path: '/api/segments.history', scopes: ['read'], handle: history },
  ];
}

async function requireSegment(deps: ApiDeps, workspaceId: number, query: Query, name: string): Promise<SegmentRow> {
  const segment = await fromPostgres(getSegment(deps.pool, workspaceId, segmentIdValue(requiredParam(query, name), name)));
  if (!segment) throw fail('segment_not_found');
  return segment;
}

/** Postgres' time, and the stored members of the segments that a tree refers to. @throws ApiError 409 when one has none yet */
async function membersOfReferences(deps: ApiDeps, workspaceId: number, tree: Node) {
  const ids = segmentsOf(tree);
  const { now, epochs, segments } = await fromPostgres(currentSegments(deps.pool, workspaceId, ids));
  const sets = new Map<string, SetRef | null>(segments.map((s) => [s.segmentId, setOfSegment(s, epochs)]));
  const members = (id: string): SetRef => {
    const set = sets.get(id);
    if (!set) throw fail('segment_not_ready');
    return set;
  };
  for (const id of ids) members(id);
  return { now, members };
}

/** A time in milliseconds; a day is its first instant in the zone. @throws ApiError 422 */
function atParam(query: Query, zone: string): number | null {
  const text = textParam(query, 'at');
  if (text === undefined) return null;
  // An offset's plus sign that was not encoded arrives as a space.
  const parsed = parseDateTime(text.replace(/ (?=\d{2}:\d{2}$)/, '+'), zone);
  if (!parsed.ok) throw invalid('at', 'invalid_datetime', 'at is a time like 2026-01-31T10:00:00Z, or a day like 2026-01-31.');
  if (parsed.ms > Date.now() + AHEAD_MS) throw invalid('at', 'invalid_value', 'at must not be in the future.');
  return parsed.ms;
}
