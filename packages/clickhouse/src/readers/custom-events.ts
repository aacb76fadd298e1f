/** Reads of custom events by their key and by contact. */
import type { ClickHouse } from '../client.ts';
import { isoTime, storedObject } from './times.ts';

export type StoredCustomEvent = {
  event_name: string;
  external_id: string;
  contact_id: number;
  occurred_at: string;
  recorded_at: string;
  goal_name: string | null;
  goal_type: string | null;
  /** At most 15 significant digits: exact as a JSON number. */
  goal_value: number | null;
  properties: Record<string, unknown>;
  deleted_at: string | null;
};
/** `[occurred_at ms, recorded_at µs, ord, key]` */
export type CustomEventPosition = [number, number, number, string];

type Row = {
  event_name: string;
  external_id: string;
  contact_id: number;
  occurred_at: string;
  recorded_at: string;
  occurred_ms: string;
  recorded_us: string;
  ord: number;
  goal_name: string;
  goal_type: string;
  goal_value: string | null;
  properties: string;
  deleted_at: string | null;
};

const COLUMNS = `toString(event_name) AS event_name, external_id, contact_id, occurred_at, accepted_at AS recorded_at,
  toString(toUnixTimestamp64Milli(occurred_at)) AS occurred_ms, toString(toUnixTimestamp64Micro(accepted_at)) AS recorded_us, ord,
  toString(goal_name) AS goal_name, toString(goal_type) AS goal_type, toString(goal_value) AS goal_value, properties, deleted_at`;

function toEvent(row: Row): StoredCustomEvent {
  return {
    event_name: row.event_name,
    external_id: row.external_id,
    contact_id: row.contact_id,
    occurred_at: isoTime(row.occurred_at),
    recorded_at: isoTime(row.recorded_at),
    goal_name: row.goal_name || null,
    goal_type: row.goal_type || null,
    goal_value: row.goal_value === null ? null : Number(row.goal_value),
    properties: storedObject(row.properties),
    deleted_at: row.deleted_at === null ? null : isoTime(row.deleted_at),
  };
}

/** One event by its key, deleted or not. */
export async function findCustomEvent(
  clickhouse: ClickHouse,
  workspaceId: number,
  eventName: string,
  externalId: string,
): Promise<StoredCustomEvent | null> {
  const result = await clickhouse.query({
    query: `SELECT ${COLUMNS} FROM custom_events FINAL
            WHERE workspace_id = {ws:UInt32} AND event_name = {name:String} AND external_id = {id:String}`,
    query_params: { ws: workspaceId, name: eventName, id: externalId },
    format: 'JSONEachRow',
  });
  const [row] = await result.json<Row>();
  return row ? toEvent(row) : null;
}

/** A page of a contact's live events, newest first, with the place of each. */
export async function pageCustomEvents(
  clickhouse: ClickHouse,
  workspaceId: number,
  contactId: number,
  query: { eventName: string | null; after: CustomEventPosition | null; limit: number },
): Promise<{ event: StoredCustomEvent; position: CustomEventPosition }[]> {
  const where = ['workspace_id = {ws:UInt32}', 'contact_id = {contact:UInt32}', 'deleted_at IS NULL'];
  const params: Record<string, unknown> = { ws: workspaceId, contact: contactId, limit: query.limit };
  const key = "concat(event_name, '/', external_id)";
  if (query.eventName !== null) {
    where.push('event_name = {name:String}');
    params.name = query.eventName;
  }
  if (query.after) {
    const [occurred, recorded, ord, id] = query.after;
    where.push(
      `(toUnixTimestamp64Milli(occurred_at), toUnixTimestamp64Micro(accepted_at), ord, ${key}) < ({o:Int64}, {r:Int64}, {n:UInt32}, {i:String})`,
    );
    Object.assign(params, { o: occurred, r: recorded, n: ord, i: id });
  }
  const result = await clickhouse.query({
    query: `SELECT ${COLUMNS} FROM custom_events_by_contact FINAL WHERE ${where.join(' AND ')}
            ORDER BY occurred_at DESC, accepted_at DESC, ord DESC, ${key} DESC LIMIT {limit:UInt32}`,
    query_params: params,
    format: 'JSONEachRow',
  });
  return (await result.json<Row>()).map((row) => ({
    event: toEvent(row),
    position: [Number(row.occurred_ms), Number(row.recorded_us), row.ord, `${row.event_name}/${row.external_id}`],
  }));
}
