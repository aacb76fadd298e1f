/**
 * Purges erased contacts from ClickHouse, and says when that is complete.
 *
 *   erasing ──sweep: nothing left──▶ swept ──nightly compaction──▶ compacted ──older than any job──▶ erased
 *
 * A mutation covers only the parts that exist when it starts, and a job in flight may still write: every sweep looks again until
 * the erasure is older than any job can be. The mirror keeps a tombstone row for ever.
 */
import { contactTombstone } from '@muster/clickhouse';
import { completeErasures, epochState, markSwept, type OpenErasure, openErasures } from '@muster/postgres';
import type { Deps } from '../deps.ts';

const TABLES = [
  'timeline_by_contact',
  'timeline_by_kind',
  'entry_times',
  'custom_events',
  'custom_events_by_contact',
  'contact_lists',
] as const;
/**
 * Joins go once the contact has left every segment. The leaves stay, as tombstones of an id that is nobody's: complete sets that hold it
 * are read with them.
 */
const FLIPS = ['segment_flips', 'segment_flips_by_contact'] as const;
const BATCH = 500;

/** One sweep over the open erasures; returns how many were found clean. */
export async function sweepErasures(deps: Deps): Promise<number> {
  const open = await openErasures(deps.pool, BATCH);
  if (open.length === 0) return 0;
  const withContact = open.filter((e): e is OpenErasure & { contact_id: number } => e.contact_id !== null);
  const byWorkspace = new Map<number, number[]>();
  for (const e of withContact) byWorkspace.set(e.workspace_id, [...(byWorkspace.get(e.workspace_id) ?? []), e.contact_id]);
  const dirty = new Set<string>();
  for (const [workspaceId, contactIds] of byWorkspace) {
    const fresh = withContact.filter((e) => e.workspace_id === workspaceId && !e.swept).map((e) => e.contact_id);
    if (fresh.length > 0) {
      await deps.writer.write({ contacts: fresh.map((id) => contactTombstone(workspaceId, id)) });
      await deps.touch(workspaceId, new Map([['contact', new Set(fresh)]]));
    }
    for (const contactId of await purge(deps, workspaceId, contactIds)) dirty.add(`${workspaceId}|${contactId}`);
  }
  const clean = open.filter((e) => !dirty.has(`${e.workspace_id}|${e.contact_id}`));
  const unswept = clean.filter((e) => !e.swept).map((e) => e.erasure_id);
  if (unswept.length > 0) await markSwept(deps.pool, unswept);
  const done = clean.filter((e) => e.swept && e.compacted && e.age_seconds >= deps.config.MUSTER_ERASURE_SETTLE_SECONDS);
  if (done.length > 0)
    await completeErasures(
      deps.pool,
      done.map((e) => e.erasure_id),
    );
  return clean.length;
}

/** Deletes the rows of the contacts and returns the contacts of whom rows were left afterwards. */
async function purge(deps: Deps, workspaceId: number, contactIds: readonly number[]): Promise<number[]> {
  const params = { ws: workspaceId, ids: contactIds };
  const condition = 'workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}';
  // Versions that a custom event had with somebody else go first: they would be its latest once the erased contact's are gone. Their
  // condition reads the very rows that are deleted next, so it holds still while it is worked off part by part.
  const stale = `workspace_id = {ws:UInt32} AND contact_id NOT IN {ids:Array(UInt32)} AND (event_name, external_id) IN (
    SELECT event_name, external_id FROM custom_events WHERE workspace_id = {ws:UInt32} AND (event_name, external_id) IN (
      SELECT event_name, external_id FROM custom_events WHERE ${condition})
    GROUP BY event_name, external_id HAVING argMax(contact_id, version) IN {ids:Array(UInt32)})`;
  if ((await rowsOf(deps, 'custom_events', stale, params)).length > 0) await mutate(deps, 'custom_events', stale, params);
  for (const table of TABLES) {
    if ((await rowsOf(deps, table, condition, params)).length === 0) continue;
    await mutate(deps, table, condition, params);
  }
  // Older versions of the profile go; the tombstone row stays.
  const profile = `${condition} AND is_deleted = 0`;
  if ((await rowsOf(deps, 'contacts', profile, params)).length > 0) await mutate(deps, 'contacts', profile, params);
  const members = new Set(await membersAmong(deps, workspaceId, contactIds));
  const gone = contactIds.filter((id) => !members.has(id));
  for (const table of FLIPS) {
    const joins = `${condition} AND state = 1`;
    const logged = await rowsOf(deps, table, joins, { ws: workspaceId, ids: gone });
    if (logged.length > 0) await mutate(deps, table, joins, { ws: workspaceId, ids: gone });
  }
  const left = new Set<number>(members);
  for (const table of TABLES) for (const id of await rowsOf(deps, table, condition, params)) left.add(id);
  for (const id of await rowsOf(deps, 'contacts', profile, params)) left.add(id);
  return [...left];
}

/** Deletes the rows for good: a lightweight delete would hide them and leave them on the disk. */
async function mutate(deps: Deps, table: string, condition: string, params: Record<string, unknown>): Promise<void> {
  await deps.clickhouse.command({
    query: `ALTER TABLE ${table} DELETE WHERE ${condition}`,
    query_params: params,
    clickhouse_settings: { mutations_sync: '1' },
  });
}

/** Contacts that are still members of a segment: its evaluator has yet to see that they are gone. */
async function membersAmong(deps: Deps, workspaceId: number, contactIds: readonly number[]): Promise<number[]> {
  const { committed, voidEpochs } = await epochState(deps.pool, workspaceId);
  const result = await deps.clickhouse.query({
    query: `SELECT DISTINCT contact_id FROM (
        SELECT contact_id, segment_uid, argMax(state, epoch) AS latest FROM segment_flips_by_contact
        WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)} AND epoch <= {upTo:UInt64}
          AND epoch NOT IN {voids:Array(UInt64)} GROUP BY contact_id, segment_uid) WHERE latest = 1`,
    query_params: { ws: workspaceId, ids: contactIds, upTo: committed, voids: voidEpochs },
    format: 'JSONEachRow',
  });
  return (await result.json<{ contact_id: number }>()).map((r) => r.contact_id);
}

async function rowsOf(deps: Deps, table: string, condition: string, params: Record<string, unknown>): Promise<number[]> {
  const result = await deps.clickhouse.query({
    query: `SELECT DISTINCT contact_id FROM ${table} WHERE ${condition}`,
    query_params: params,
    format: 'JSONEachRow',
  });
  return (await result.json<{ contact_id: number }>()).map((r) => r.contact_id);
}
