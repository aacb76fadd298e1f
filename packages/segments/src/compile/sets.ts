/**
 * Who is in a segment, from what is stored: the set that was complete at its base epoch, and the joins and leaves since. Epochs that
 * were never committed are not looked at.
 */
import type { EpochState } from '@muster/postgres';
import type { Params } from './params.ts';

/** A segment's members as of an epoch. */
export type SetRef = {
  segmentUid: number;
  /** Epoch of the complete set. */
  baseEpoch: number;
  /** The last epoch that counts. */
  epoch: number;
  /** Epochs up to it that do not count: their writer died before it committed them. */
  voidEpochs: readonly number[];
  /** Joins and leaves on top of that, which are not stored yet. */
  pending?: { joined: readonly number[]; parted: readonly number[] };
};

/** The members of a segment as they are shown now, or null when it has never been complete. */
export function setOfSegment(
  { segmentUid, baseEpoch }: { segmentUid: number; baseEpoch: number | null },
  { committed, voidEpochs }: EpochState,
): SetRef | null {
  return baseEpoch === null ? null : { segmentUid, baseEpoch, epoch: committed, voidEpochs };
}

/** Statements of one row each, and the bitmap of the members over their columns. */
export function memberSetParts(workspaceId: number, set: SetRef, params: Params, name: string): { selects: string[]; bitmap: string } {
  const ws = params.add('UInt32', workspaceId);
  const uid = params.add('UInt32', set.segmentUid);
  const base = params.add('UInt64', set.baseEpoch);
  const upTo = params.add('UInt64', set.epoch);
  const notVoid = set.voidEpochs.length === 0 ? '' : ` AND epoch NOT IN ${params.add('Array(UInt64)', set.voidEpochs)}`;
  return {
    selects: [
      `SELECT groupBitmapMergeState(members) AS ${name}_base FROM segment_sets
        WHERE workspace_id = ${ws} AND segment_uid = ${uid} AND epoch = ${base}`,
      `SELECT tuple(groupBitmapState(contact_id), groupBitmapStateIf(contact_id, latest = 1)) AS ${name}_moved FROM (
        SELECT contact_id, argMax(state, epoch) AS latest FROM segment_flips
        WHERE workspace_id = ${ws} AND segment_uid = ${uid} AND epoch > ${base} AND epoch <= ${upTo}${notVoid} GROUP BY contact_id)`,
    ],
    bitmap: withPending(`bitmapOr(bitmapAndnot(${name}_base, ${name}_moved.1), ${name}_moved.2)`, set, params),
  };
}

function withPending(stored: string, { pending }: SetRef, params: Params): string {
  if (!pending) return stored;
  const list = (ids: readonly number[]) => `bitmapBuild(${params.add('Array(UInt32)', ids)})`;
  return `bitmapOr(bitmapAndnot(${stored}, ${list(pending.parted)}), ${list(pending.joined)})`;
}

/** Common table expressions for the members of a segment; the bitmap is `name`. */
export function memberSetSql(workspaceId: number, set: SetRef, params: Params, name: string): string[] {
  const { selects, bitmap } = memberSetParts(workspaceId, set, params, name);
  const scalars = selects.map((select, n) => `(${select}) AS ${name}_${n === 0 ? 'base' : 'moved'}`);
  return [...scalars, `${bitmap} AS ${name}`];
}
