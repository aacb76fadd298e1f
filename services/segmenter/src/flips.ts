/** Writing joins and leaves. Every row carries its epoch: until that is committed in Postgres, nobody looks at it. */
import { clickhouseTime } from '@muster/clickhouse';
import type { Deps } from './deps.ts';
import type { Flips } from './members.ts';
import { insertFrom } from './statements.ts';

/** Joins and leaves of a step. */
export async function writeFlips(deps: Deps, workspaceId: number, epoch: number, now: number, flips: readonly Flips[]): Promise<void> {
  const at = clickhouseTime(new Date(now).toISOString());
  const rows = flips.flatMap(({ segmentUid, joined, parted }) => [
    ...joined.map((contact) => [workspaceId, segmentUid, epoch, contact, 1, at]),
    ...parted.map((contact) => [workspaceId, segmentUid, epoch, contact, 0, at]),
  ]);
  if (rows.length === 0) return;
  deps.metrics.statements.inc({ purpose: 'flips' });
  await deps.clickhouse.insert({
    table: 'segment_flips',
    columns: ['workspace_id', 'segment_uid', 'epoch', 'contact_id', 'state', 'at'],
    values: rows,
    format: 'JSONCompactEachRow',
  });
}

export type LoggedSet = { segmentUid: number; baseEpoch: number };

/**
 * Completes the logs of sets that were switched to: their joins and leaves become rows like those of a step. The difference was stored
 * with the set, so repeating this writes the same rows again.
 */
export async function logSets(deps: Deps, workspaceId: number, sets: readonly LoggedSet[]): Promise<void> {
  await insertFrom(deps, 'log', {
    query: `INSERT INTO segment_flips (workspace_id, segment_uid, epoch, contact_id, state, at)
      SELECT workspace_id, segment_uid, epoch, move.1, move.2, at FROM (
        SELECT workspace_id, segment_uid, epoch, at, arrayJoin(arrayConcat(
          arrayMap(c -> (c, toUInt8(1)), bitmapToArray(joined)), arrayMap(c -> (c, toUInt8(0)), bitmapToArray(parted)))) AS move
        FROM segment_sets WHERE workspace_id = {ws:UInt32} AND segment_uid IN {uids:Array(UInt32)}
          AND has(arrayZip({uids:Array(UInt32)}, {epochs:Array(UInt64)}), (segment_uid, epoch)))`,
    params: { ws: workspaceId, uids: sets.map((s) => s.segmentUid), epochs: sets.map((s) => s.baseEpoch) },
    seconds: deps.config.MUSTER_SEGMENT_BUILD_SECONDS,
  });
}
