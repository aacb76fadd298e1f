/** The segments that one contact is in, for its profile. */
import type { ClickHouse } from '@muster/clickhouse';
import type { EpochState } from '@muster/postgres';
import { z } from 'zod';
import type { Current, CurrentSegment } from './current.ts';
import { readRows } from './statements.ts';

export type ContactSegment = { segmentId: string /** ISO UTC. */; joinedAt: string };

/** A contact's last join or leave of a segment. */
type Flip = { epoch: number; joined: boolean; at: number };
/** What the complete set of a segment says of a contact. */
type InSet = { at: number; member: boolean; joined: boolean };

/**
 * Segments with the time of the last join, by id. The log decides; where it does not hold the last complete set's joins and leaves yet,
 * that set does, and the log from there on.
 */
export async function contactSegments(
  clickhouse: ClickHouse,
  workspaceId: number,
  contactId: number,
  { epochs, segments }: Pick<Current, 'epochs' | 'segments'>,
): Promise<ContactSegment[]> {
  const complete = segments.filter((s) => s.baseEpoch !== null);
  if (complete.length === 0) return [];
  const unlogged = complete.filter((s) => s.unlogged);
  const [flips, sets] = await Promise.all([
    lastFlips(clickhouse, workspaceId, contactId, complete, epochs),
    unlogged.length === 0 ? new Map<number, InSet>() : inSets(clickhouse, workspaceId, contactId, unlogged),
  ]);
  return complete.flatMap((segment) => {
    const joined = joinedAt(segment, flips.get(segment.segmentUid), sets.get(segment.segmentUid));
    return joined === null ? [] : [{ segmentId: segment.segmentId, joinedAt: new Date(joined).toISOString() }];
  });
}

function joinedAt({ baseEpoch }: CurrentSegment, flip: Flip | undefined, inSet: InSet | undefined): number | null {
  if (!inSet || (flip && flip.epoch > (baseEpoch ?? 0))) return flip?.joined ? flip.at : null;
  if (!inSet.member) return null;
  // One who was in before the set keeps the time of the last join.
  return !inSet.joined && flip?.joined ? flip.at : inSet.at;
}

async function lastFlips(
  clickhouse: ClickHouse,
  workspaceId: number,
  contactId: number,
  segments: readonly CurrentSegment[],
  epochs: EpochState,
): Promise<Map<number, Flip>> {
  const rows = await readRows(clickhouse, {
    query: `SELECT segment_uid, max(epoch), argMax(state, epoch), toUnixTimestamp64Milli(argMax(at, epoch)) FROM segment_flips_by_contact
      WHERE workspace_id = {ws:UInt32} AND contact_id = {contact:UInt32} AND segment_uid IN {uids:Array(UInt32)}
        AND epoch <= {upTo:UInt64} AND epoch NOT IN {voids:Array(UInt64)} GROUP BY segment_uid`,
    params: {
      ...{ ws: workspaceId, contact: contactId, uids: segments.map((s) => s.segmentUid) },
      ...{ upTo: epochs.committed, voids: epochs.voidEpochs },
    },
    row: z.tuple([z.number(), z.coerce.number(), z.number(), z.coerce.number()]),
  });
  return new Map(rows.map(([uid, epoch, state, at]) => [uid, { epoch, joined: state === 1, at }]));
}

async function inSets(
  clickhouse: ClickHouse,
  workspaceId: number,
  contactId: number,
  segments: readonly CurrentSegment[],
): Promise<Map<number, InSet>> {
  const rows = await readRows(clickhouse, {
    query: `SELECT segment_uid, toUnixTimestamp64Milli(at), bitmapContains(members, {contact:UInt32}), bitmapContains(joined, {contact:UInt32})
      FROM segment_sets WHERE workspace_id = {ws:UInt32} AND segment_uid IN {uids:Array(UInt32)}
        AND has(arrayZip({uids:Array(UInt32)}, {bases:Array(UInt64)}), (segment_uid, epoch))`,
    params: {
      ...{ ws: workspaceId, contact: contactId, uids: segments.map((s) => s.segmentUid) },
      bases: segments.map((s) => s.baseEpoch),
    },
    row: z.tuple([z.number(), z.coerce.number(), z.number(), z.number()]),
  });
  return new Map(rows.map(([uid, at, member, joined]) => [uid, { at, member: member === 1, joined: joined === 1 }]));
}
