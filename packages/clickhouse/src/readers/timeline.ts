/**
 * One contact's timeline: immutable entries, the latest state of its live custom events, and its joins and leaves of segments, newest
 * first.
 *
 * Order: occurred_at, then recording (recorded_at, place in its request), then id, so that no two entries are equal and a page can
 * go on exactly after the last.
 */
import type { ClickHouse } from '../client.ts';
import { isoTime, storedObject } from './times.ts';

export type TimelineEntry = {
  id: string;
  contact_id: number;
  kind: string;
  occurred_at: string;
  recorded_at: string;
  entity_type: string;
  entity_id: string;
  changes: Record<string, unknown>;
  properties: Record<string, unknown>;
} & Record<string, unknown>;

/** Place of an entry: `[occurred_at ms, recorded_at µs, ord, id]`. */
export type TimelinePosition = [number, number, number, string];
export type TimelineQuery = {
  kinds: readonly string[];
  after: TimelinePosition | null;
  limit: number;
  /** Absent: without joins and leaves of segments. */
  epochs?: FlipEpochs;
};
/** Which joins and leaves count: those of epochs up to `committed` but for the void ones. */
export type FlipEpochs = { committed: number; voidEpochs: readonly number[] };

type Row = {
  id: string;
  kind: string;
  occurred_at: string;
  recorded_at: string;
  occurred_ms: string;
  recorded_us: string;
  ord: number;
  entity_type: string;
  entity_id: string;
  changes: string;
  properties: string;
  message_id: string;
  template_id: string;
  campaign_id: string;
  list_id: string;
  link_url: string;
  event_name: string;
  goal_name: string;
  goal_type: string;
  goal_value: string | null;
};

const ENTRIES = `SELECT id, toString(kind) AS kind, occurred_at, recorded_at, ord, toString(entity_type) AS entity_type, entity_id, changes, properties,
    message_id, toString(template_id) AS template_id, toString(campaign_id) AS campaign_id, toString(list_id) AS list_id, link_url,
    '' AS event_name, '' AS goal_name, '' AS goal_type, CAST(NULL, 'Nullable(String)') AS goal_value
  FROM timeline_by_contact FINAL WHERE workspace_id = {ws:UInt32} AND contact_id = {contact:UInt32}`;

const CUSTOM = `SELECT concat(event_name, '/', external_id) AS id, concat('custom_event.', event_name) AS kind, occurred_at, accepted_at AS recorded_at, ord,
    'custom_event' AS entity_type, external_id AS entity_id, '' AS changes, properties,
    '' AS message_id, '' AS template_id, '' AS campaign_id, '' AS list_id, '' AS link_url,
    toString(event_name) AS event_name, toString(goal_name) AS goal_name, toString(goal_type) AS goal_type, toString(goal_value) AS goal_value
  FROM custom_events_by_contact FINAL WHERE workspace_id = {ws:UInt32} AND contact_id = {contact:UInt32} AND deleted_at IS NULL`;

/** `entity_id` is the segment's uid here: its id is known to Postgres. Of several at one moment the later epoch was recorded later. */
const FLIPS = `SELECT concat('segment:', toString(segment_uid), ':', toString(epoch)) AS id, if(state = 1, 'segment.joined', 'segment.left') AS kind,
    at AS occurred_at, toDateTime64(at, 6, 'UTC') AS recorded_at, toUInt32(epoch) AS ord,
    'contact_segment' AS entity_type, toString(segment_uid) AS entity_id, '' AS changes, '' AS properties,
    '' AS message_id, '' AS template_id, '' AS campaign_id, '' AS list_id, '' AS link_url,
    '' AS event_name, '' AS goal_name, '' AS goal_type, CAST(NULL, 'Nullable(String)') AS goal_value
  FROM segment_flips_by_contact FINAL WHERE workspace_id = {ws:UInt32} AND contact_id = {contact:UInt32}
    AND epoch <= {committed:UInt64} AND epoch NOT IN {voids:Array(UInt64)}`;

/** A page, newest first, with the place of each entry. Entries of segments have the segment's uid for their `entity_id`. */
export async function pageTimeline(
  clickhouse: ClickHouse,
  workspaceId: number,
  contactId: number,
  query: TimelineQuery,
): Promise<{ entry: TimelineEntry; position: TimelinePosition }[]> {
  const where: string[] = [];
  const params: Record<string, unknown> = { ws: workspaceId, contact: contactId, limit: query.limit };
  const sources = [ENTRIES, CUSTOM];
  if (query.epochs) {
    sources.push(FLIPS);
    Object.assign(params, { committed: query.epochs.committed, voids: query.epochs.voidEpochs });
  }
  if (query.kinds.length > 0) {
    where.push('kind IN {kinds:Array(String)}');
    params.kinds = query.kinds;
  }
  if (query.after) {
    const [occurred, recorded, ord, id] = query.after;
    where.push(
      '(toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Micro(recorded_at), ord, id) < ({o:Int64}, {r:Int64}, {n:UInt32}, {i:String})',
    );
    Object.assign(params, { o: occurred, r: recorded, n: ord, i: id });
  }
  const result = await clickhouse.query({
    query: `SELECT *, toString(toUnixTimestamp64Milli(occurred_at)) AS occurred_ms, toString(toUnixTimestamp64Micro(recorded_at)) AS recorded_us
      FROM (${sources.join(' UNION ALL ')})
      ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''}
      ORDER BY occurred_at DESC, recorded_at DESC, ord DESC, id DESC LIMIT {limit:UInt32}`,
    query_params: params,
    format: 'JSONEachRow',
  });
  return (await result.json<Row>()).map((row) => ({
    entry: toEntry(contactId, row),
    position: [Number(row.occurred_ms), Number(row.recorded_us), row.ord, row.id],
  }));
}

function toEntry(contactId: number, row: Row): TimelineEntry {
  return {
    id: row.id,
    contact_id: contactId,
    kind: row.kind,
    occurred_at: isoTime(row.occurred_at),
    recorded_at: isoTime(row.recorded_at),
    entity_type: row.entity_type,
    entity_id: row.entity_id,
    changes: storedObject(row.changes),
    properties: storedObject(row.properties),
    ...details(row),
  };
}

function details(row: Row): Record<string, unknown> {
  if (row.entity_type === 'message')
    return {
      message_id: row.message_id || null,
      template_id: row.template_id || null,
      campaign_id: row.campaign_id || null,
      list_id: row.list_id || null,
      link_url: row.link_url || null,
    };
  if (row.entity_type === 'contact_list') return { list_id: row.list_id || null };
  if (row.entity_type === 'custom_event')
    return {
      event_name: row.event_name,
      external_id: row.entity_id,
      goal_name: row.goal_name || null,
      goal_type: row.goal_type || null,
      goal_value: row.goal_value === null ? null : Number(row.goal_value),
    };
  return {};
}
