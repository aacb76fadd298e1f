/** The members of a segment: page by page, at an earlier time, and as a condition on the mirror of the profiles. */
import type { ClickHouse, MemberCondition } from '@muster/clickhouse';
import type { EpochState } from '@muster/postgres';
import { z } from 'zod';
import { Params } from '../compile/params.ts';
import { memberSetSql, type SetRef } from '../compile/sets.ts';
import { readRows } from './statements.ts';

/** Base of a set that has no complete one below it: its members are the sum of the joins and leaves. */
const NO_BASE = 0;

/**
 * Ids of members above `afterId`, ascending. Null when the complete set is not stored (any more): without it the joins and leaves since
 * would pass for all members.
 */
export async function pageMembers(
  clickhouse: ClickHouse,
  workspaceId: number,
  set: SetRef,
  afterId: number,
  limit: number,
): Promise<number[] | null> {
  const params = new Params();
  const expressions = memberSetSql(workspaceId, set, params, 'members_now');
  const base = [params.add('UInt32', workspaceId), params.add('UInt32', set.segmentUid), params.add('UInt64', set.baseEpoch)];
  const from = params.add('UInt32', afterId + 1);
  const [row] = await readRows(clickhouse, {
    query: `WITH ${expressions.join(',\n')}
      SELECT (SELECT count() FROM segment_sets WHERE workspace_id = ${base[0]} AND segment_uid = ${base[1]} AND epoch = ${base[2]}),
        bitmapToArray(bitmapSubsetLimit(members_now, ${from}, ${params.add('UInt64', limit)}))`,
    params: params.values,
    row: z.tuple([z.coerce.number(), z.array(z.number())]),
  });
  if (!row) return null;
  const [stored, ids] = row;
  return stored === 0 && set.baseEpoch !== NO_BASE ? null : ids;
}

/**
 * The members of a segment at a time (milliseconds): the last complete set up to then, and the joins and leaves after it up to then. The
 * answer names epochs, so that pages of it stay the same.
 */
export async function setAt(
  clickhouse: ClickHouse,
  workspaceId: number,
  segmentUid: number,
  epochs: EpochState,
  at: number,
): Promise<SetRef> {
  const where = `workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch <= {upTo:UInt64} AND epoch NOT IN {voids:Array(UInt64)}
    AND at <= fromUnixTimestamp64Milli({at:Int64})`;
  const [row] = await readRows(clickhouse, {
    query: `WITH (SELECT max(epoch) FROM segment_sets WHERE ${where}) AS base
      SELECT base, (SELECT max(epoch) FROM segment_flips WHERE ${where} AND epoch > base)`,
    params: { ws: workspaceId, uid: segmentUid, upTo: epochs.committed, voids: epochs.voidEpochs, at },
    row: z.tuple([z.coerce.number(), z.coerce.number()]),
  });
  const [baseEpoch, latest] = row ?? [NO_BASE, NO_BASE];
  return { segmentUid, baseEpoch, epoch: Math.max(baseEpoch, latest), voidEpochs: epochs.voidEpochs };
}

/** Holds for contacts that are members of at least one of the sets, which are of one epoch. All of them are read in one pass. */
export function membersOfAny(workspaceId: number, sets: readonly SetRef[]): MemberCondition {
  const [first] = sets;
  if (!first) return { expressions: [], condition: '0', params: {} };
  const params = new Params();
  const ws = params.add('UInt32', workspaceId);
  const uids = params.add(
    'Array(UInt32)',
    sets.map((s) => s.segmentUid),
  );
  const bases = params.add(
    'Array(UInt64)',
    sets.map((s) => s.baseEpoch),
  );
  const ofThese = `workspace_id = ${ws} AND segment_uid IN ${uids}`;
  const base = `arrayElement(${bases}, indexOf(${uids}, segment_uid))`;
  const counts = `epoch <= ${params.add('UInt64', first.epoch)} AND epoch NOT IN ${params.add('Array(UInt64)', first.voidEpochs)}`;
  const none = 'bitmapBuild(emptyArrayUInt32())';
  const union = `(SELECT groupBitmapMergeState(bitmapOr(bitmapAndnot(complete, moved), joined)) FROM (
    SELECT groupBitmapMergeState(complete_part) AS complete, groupBitmapMergeState(moved_part) AS moved, groupBitmapMergeState(joined_part) AS joined
    FROM (
      SELECT segment_uid, members AS complete_part, ${none} AS moved_part, ${none} AS joined_part
      FROM segment_sets WHERE ${ofThese} AND epoch = ${base}
      UNION ALL
      SELECT segment_uid, ${none}, groupBitmapState(contact_id), groupBitmapStateIf(contact_id, latest = 1) FROM (
        SELECT segment_uid, contact_id, argMax(state, epoch) AS latest FROM segment_flips
        WHERE ${ofThese} AND epoch > ${base} AND ${counts} GROUP BY segment_uid, contact_id)
      GROUP BY segment_uid)
    GROUP BY segment_uid)) AS any_of`;
  return { expressions: [union], condition: 'bitmapContains(any_of, contact_id)', params: params.values };
}
