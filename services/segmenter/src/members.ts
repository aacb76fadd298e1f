/** Which of some contacts are members: by definition (evaluated now) and as stored. */
import { compileTrees, type FIRST, leavesOf, SECOND, type SetRef } from '@muster/segments';
import { z } from 'zod';
import type { Definition } from './definitions.ts';
import type { Deps } from './deps.ts';
import { rowsOf } from './statements.ts';

const ids = z.array(z.number().int());

/** Leaves of one statement: a larger one takes longer to analyse than two smaller ones. */
const MAX_LEAVES = 100;

export type Moment = { workspaceId: number; now: number; sets: (segmentId: string) => SetRef };

/** Members among the contacts, by uid. Definitions are evaluated many in one statement. @param order before or after what others wait for */
export async function evaluateContacts(
  deps: Deps,
  definitions: readonly Definition[],
  contacts: readonly number[],
  moment: Moment,
  order: typeof FIRST | typeof SECOND = SECOND,
): Promise<Map<number, Set<number>>> {
  const found = new Map<number, Set<number>>();
  for (const group of groups(definitions)) {
    const compiled = compileTrees(
      group.map(({ tree, row }) => ({ tree, timezone: row.timezone })),
      { workspaceId: moment.workspaceId, now: moment.now, contacts, members: moment.sets },
    );
    const columns = compiled.results.map((result) => `bitmapToArray(${result})`);
    const [row] = await rowsOf(deps, 'evaluate', {
      query: `SELECT ${columns.join(',\n')} FROM ${compiled.from}`,
      params: compiled.params.values,
      schema: z.array(ids),
      // Of scattered contacts, keeping the order of many small ranges costs more than a hash table: 400 ms of CPU for 1,200 contacts, 290 without.
      // Contacts who can match are few, too, so the index finds their rows. And no two steps ask the same.
      settings: { ...order, optimize_aggregation_in_order: 0, use_index_for_in_with_subqueries: 1, use_query_condition_cache: 0 },
    });
    group.forEach((definition, n) => {
      found.set(definition.row.segment_uid, new Set(row?.[n] ?? []));
    });
  }
  deps.metrics.evaluated.inc(definitions.length);
  return found;
}

function groups(definitions: readonly Definition[]): Definition[][] {
  const all: Definition[][] = [];
  let leaves = MAX_LEAVES;
  for (const definition of definitions) {
    const size = [...leavesOf(definition.tree)].length;
    if (leaves + size > MAX_LEAVES) {
      all.push([]);
      leaves = 0;
    }
    all.at(-1)?.push(definition);
    leaves += size;
  }
  return all;
}

/** Stored members among the contacts, by uid: the complete set, and the joins and leaves since. */
export async function storedMembers(
  deps: Deps,
  workspaceId: number,
  sets: readonly SetRef[],
  contacts: readonly number[],
): Promise<Map<number, Set<number>>> {
  const [first] = sets;
  if (!first || contacts.length === 0) return new Map(sets.map((s) => [s.segmentUid, new Set<number>()]));
  const params = {
    ws: workspaceId,
    contacts,
    uids: sets.map((s) => s.segmentUid),
    bases: sets.map((s) => s.baseEpoch),
    upTo: first.epoch,
    voids: first.voidEpochs,
  };
  const [complete, moved] = await Promise.all([
    rowsOf(deps, 'stored', {
      query: `SELECT segment_uid, bitmapToArray(bitmapAnd(groupBitmapMergeState(members), bitmapBuild({contacts:Array(UInt32)})))
        FROM segment_sets WHERE workspace_id = {ws:UInt32} AND segment_uid IN {uids:Array(UInt32)}
          AND has(arrayZip({uids:Array(UInt32)}, {bases:Array(UInt64)}), (segment_uid, epoch)) GROUP BY segment_uid`,
      params,
      schema: z.tuple([z.number(), ids]),
    }),
    rowsOf(deps, 'stored', {
      // Rows of the base's own epoch are the log of how the complete set came about.
      query: `SELECT segment_uid, groupArrayIf(contact_id, latest = 1), groupArrayIf(contact_id, latest = 0) FROM (
          SELECT segment_uid, contact_id, argMax(state, epoch) AS latest FROM segment_flips_by_contact
          WHERE workspace_id = {ws:UInt32} AND contact_id IN {contacts:Array(UInt32)} AND segment_uid IN {uids:Array(UInt32)}
            AND epoch > transform(segment_uid, {uids:Array(UInt32)}, {bases:Array(UInt64)}, toUInt64(0))
            AND epoch <= {upTo:UInt64} AND epoch NOT IN {voids:Array(UInt64)} GROUP BY segment_uid, contact_id)
        GROUP BY segment_uid`,
      params,
      schema: z.tuple([z.number(), ids, ids]),
    }),
  ]);
  const members = new Map(sets.map((s) => [s.segmentUid, new Set<number>()]));
  for (const [uid, found] of complete) members.set(uid, new Set(found));
  for (const [uid, joined, parted] of moved) {
    const set = members.get(uid);
    for (const contact of joined) set?.add(contact);
    for (const contact of parted) set?.delete(contact);
  }
  return members;
}

export type Flips = { segmentUid: number; joined: number[]; parted: number[] };

/** The stored members of segments that are referred to, with what this step found on top; `found` is read when a segment is asked for. */
export function withPending(sets: Moment['sets'], found: readonly Flips[]): Moment['sets'] {
  return (segmentId) => {
    const set = sets(segmentId);
    const pending = found.find((flips) => flips.segmentUid === set.segmentUid);
    return pending ? { ...set, pending } : set;
  };
}

/** How the members among the contacts have to change. */
export function compareMembers(
  contacts: readonly number[],
  fresh: ReadonlySet<number>,
  stored: ReadonlySet<number>,
): Omit<Flips, 'segmentUid'> {
  return {
    joined: contacts.filter((c) => fresh.has(c) && !stored.has(c)),
    parted: contacts.filter((c) => !fresh.has(c) && stored.has(c)),
  };
}

/** Those of the contacts who have a profile. */
export async function existing(deps: Deps, workspaceId: number, contacts: readonly number[]): Promise<Set<number>> {
  const rows = await rowsOf(deps, 'evaluate', {
    query: 'SELECT contact_id FROM contacts FINAL WHERE workspace_id = {ws:UInt32} AND contact_id IN {contacts:Array(UInt32)}',
    params: { ws: workspaceId, contacts },
    schema: z.tuple([z.number()]),
  });
  return new Set(rows.map(([id]) => id));
}
