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

/** Holds for contacts that are members of at least one of the sets. */
export function membersOfAny(workspaceId: number, sets: readonly SetRef[]): MemberCondition {
  const params = new Params();
  const names = sets.map((_, n) => `any_of_${n}`);
  const expressions = sets.flatMap((set, n) => memberSetSql(workspaceId, set, params, `any_of_${n}`));
  const [first] = names;
  if (first === undefined) return { expressions: [], condition: '0', params: {} };
  const union = names.slice(1).reduce((all, name) => `bitmapOr(${all}, ${name})`, first);
  return { expressions: [...expressions, `${union} AS any_of`], condition: 'bitmapContains(any_of, contact_id)', params: params.values };
}
