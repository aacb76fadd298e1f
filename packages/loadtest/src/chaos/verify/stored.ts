/** What the stores hold, read straight from them: deduplicated as every reader reads, so two rows are two rows that stay. */
import type { ClickHouse } from '@muster/clickhouse';
import type { Pool } from '@muster/postgres';
import { z } from 'zod';
import { EVENT_NAME } from '../producers/custom-events.ts';

export const ORDERS = ['timeline_by_contact', 'timeline_by_kind'] as const;
export const CUSTOM_TABLES = ['custom_events', 'custom_events_by_contact'] as const;
export type Order = (typeof ORDERS)[number];

const contact = z.object({ contact_id: z.number(), email: z.string(), version: z.number(), value: z.number().nullable() });
const change = z.object({ contact_id: z.number(), kind: z.string(), changes: z.string() });
const step = z.object({ custom_number_1: z.object({ old: z.number().nullable(), new: z.number().nullable() }).optional() });
const event = z.object({ message_id: z.string(), id: z.string(), contact_id: z.number() });
const custom = z.object({ external_id: z.string(), contact_id: z.number(), properties: z.string(), deleted: z.number() });
const properties = z.object({ step: z.number() });
const membership = z.object({ contact_id: z.number(), list_id: z.string(), status: z.string() });
const rejection = z.object({ code: z.string(), payload: z.string() });
const payload = z.object({ patch: z.object({ email: z.string() }).optional() });
const idOnly = z.object({ contact_id: z.number() });

export type StoredContact = z.infer<typeof contact>;
/** An entry `contact.created` (no values) or `contact.updated` (those of the numbered field). */
export type StoredChange = { contactId: number; kind: string; step: { old: number | null; new: number | null } | null };
export type StoredEvent = z.infer<typeof event>;
export type StoredCustomEvent = { externalId: string; contactId: number; step: number; deleted: boolean };
export type StoredMembership = { contactId: number; list: string; status: string };
export type StoredRejection = { code: string; email: string | null };

export type Stored = {
  contacts: StoredContact[];
  changes: Record<Order, StoredChange[]>;
  events: Record<Order, StoredEvent[]>;
  customEvents: Record<(typeof CUSTOM_TABLES)[number], StoredCustomEvent[]>;
  memberships: { postgres: StoredMembership[]; mirror: StoredMembership[] };
  rejections: StoredRejection[];
  /** Ids of erased contacts. */
  erasedIds: number[];
};

export type Stores = { pool: Pool; clickhouse: ClickHouse; workspaceId: number };

export async function readStored(stores: Stores): Promise<Stored> {
  const pg = async <T>(schema: z.ZodType<T>, query: string): Promise<T[]> =>
    z.array(schema).parse((await stores.pool.query(query, [stores.workspaceId])).rows);
  const ch = <T>(schema: z.ZodType<T>, query: string): Promise<T[]> => clickhouseRows(stores, schema, query);

  const changes = async (table: Order): Promise<StoredChange[]> => {
    const rows = await ch(
      change,
      `SELECT contact_id, kind, changes FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND kind IN ('contact.created', 'contact.updated')
       ORDER BY contact_id, recorded_at, ord, id`,
    );
    return rows.map(({ contact_id, kind, changes: text }) => ({ contactId: contact_id, kind, step: stepOf(text) }));
  };
  const events = (table: Order): Promise<StoredEvent[]> =>
    ch(
      event,
      `SELECT message_id, id, contact_id FROM ${table} FINAL
       WHERE workspace_id = {ws:UInt32} AND kind IN ('open_email', 'click_email', 'insert_message_history')`,
    );
  const customEvents = async (table: (typeof CUSTOM_TABLES)[number]): Promise<StoredCustomEvent[]> => {
    const rows = await ch(
      custom,
      `SELECT external_id, contact_id, properties, toUInt8(deleted_at IS NOT NULL) AS deleted FROM ${table} FINAL
       WHERE workspace_id = {ws:UInt32} AND event_name = '${EVENT_NAME}'`,
    );
    return rows.map((r) => ({
      externalId: r.external_id,
      contactId: r.contact_id,
      step: properties.parse(JSON.parse(r.properties)).step,
      deleted: r.deleted === 1,
    }));
  };
  const toMembership = (m: z.infer<typeof membership>): StoredMembership => ({
    contactId: m.contact_id,
    list: m.list_id,
    status: m.status,
  });
  return {
    contacts: await pg(
      contact,
      "SELECT contact_id, email, version, (fields->>'custom_number_1')::float8 AS value FROM contacts WHERE workspace_id = $1",
    ),
    changes: { timeline_by_contact: await changes('timeline_by_contact'), timeline_by_kind: await changes('timeline_by_kind') },
    events: { timeline_by_contact: await events('timeline_by_contact'), timeline_by_kind: await events('timeline_by_kind') },
    customEvents: {
      custom_events: await customEvents('custom_events'),
      custom_events_by_contact: await customEvents('custom_events_by_contact'),
    },
    memberships: {
      postgres: (await pg(membership, 'SELECT contact_id, list_id, status FROM contact_lists WHERE workspace_id = $1 AND NOT removed')).map(
        toMembership,
      ),
      mirror: (await ch(membership, 'SELECT contact_id, list_id, status FROM contact_lists FINAL WHERE workspace_id = {ws:UInt32}')).map(
        toMembership,
      ),
    },
    rejections: (await pg(rejection, 'SELECT code, payload FROM rejections WHERE workspace_id = $1')).map((r) => ({
      code: r.code,
      email: emailOf(r.payload),
    })),
    erasedIds: await readErasedIds(stores),
  };
}

/** Ids of erased contacts; one that was erased before it was ever stored has none. */
export async function readErasedIds({ pool, workspaceId }: Stores): Promise<number[]> {
  const { rows } = await pool.query('SELECT DISTINCT contact_id FROM erasures WHERE workspace_id = $1 AND contact_id IS NOT NULL', [
    workspaceId,
  ]);
  return z
    .array(idOnly)
    .parse(rows)
    .map((r) => r.contact_id);
}

/** Rows of contacts that were erased, by table, dead ones included; the mirror's tombstones are meant to stay. */
export async function readRemains(stores: Stores, erasedIds: readonly number[]): Promise<string[]> {
  if (erasedIds.length === 0) return [];
  const remains: string[] = [];
  for (const [table, condition] of [
    ...ORDERS.map((name) => [name, ''] as const),
    ...CUSTOM_TABLES.map((name) => [name, ''] as const),
    ['entry_times', ''] as const,
    // Leaves stay, as tombstones of an id that is nobody's.
    ...['segment_flips', 'segment_flips_by_contact'].map((name) => [name, ' AND state = 1'] as const),
    ['contact_lists', ''] as const,
    ['contacts', ' AND is_deleted = 0'] as const,
  ]) {
    const query = `SELECT DISTINCT contact_id FROM ${table} WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}${condition}`;
    for (const { contact_id } of await clickhouseRows(stores, idOnly, query, { ids: erasedIds }))
      remains.push(`${table}: rows of the erased contact ${contact_id}`);
  }
  return remains;
}

async function clickhouseRows<T>(
  { clickhouse, workspaceId }: Stores,
  schema: z.ZodType<T>,
  query: string,
  params: Record<string, unknown> = {},
): Promise<T[]> {
  const result = await clickhouse.query({ query, query_params: { ws: workspaceId, ...params }, format: 'JSONEachRow' });
  return z.array(schema).parse(await result.json());
}

const stepOf = (changes: string): StoredChange['step'] =>
  changes === '' ? null : (step.parse(JSON.parse(changes)).custom_number_1 ?? null);
const emailOf = (text: string): string | null => payload.parse(JSON.parse(text)).patch?.email ?? null;
