/**
 * The night's part for segments: every one is audited, those that failed are tried again, and what stopped evaluators left in ClickHouse
 * under epochs that never count is deleted. Here it is only asked for; the segmenters do it, and find it within a second.
 */
import { changeSegments, epochState, listSegments, listWorkspaces, requestBuilds } from '@muster/postgres';
import type { Deps } from '../deps.ts';

const EPOCH_TABLES = ['segment_flips', 'segment_flips_by_contact', 'segment_sets'] as const;
/** Younger rows may be of a step that is still under way somewhere. */
const OLD = 'at < now() - INTERVAL 1 DAY';

export type Tended = { audits: number; retries: number; void_rows: number };

export async function tendSegments(deps: Deps): Promise<Tended> {
  const tended: Tended = { audits: 0, retries: 0, void_rows: 0 };
  for (const { workspaceId } of await listWorkspaces(deps.pool)) {
    const segments = await listSegments(deps.pool, workspaceId);
    if (segments.length > 0)
      await changeSegments(deps.pool, workspaceId, async (client) => {
        tended.audits += await requestBuilds(client, workspaceId, null, 'audit');
        // As if a person had asked: what fails again says so again, and a tree that a newer version can read is not missed.
        for (const { segment_id, status } of segments)
          if (status === 'failed') tended.retries += await requestBuilds(client, workspaceId, segment_id, 'requested');
      });
    tended.void_rows += await dropVoidRows(deps, workspaceId);
  }
  return tended;
}

/** The list of void epochs stays: a process that was stopped may still wake up and write rows of its epoch. */
async function dropVoidRows(deps: Deps, workspaceId: number): Promise<number> {
  const { voidEpochs } = await epochState(deps.pool, workspaceId);
  if (voidEpochs.length === 0) return 0;
  const where = `workspace_id = {ws:UInt32} AND epoch IN {voids:Array(UInt64)} AND ${OLD}`;
  const params = { ws: workspaceId, voids: voidEpochs };
  let dropped = 0;
  for (const table of EPOCH_TABLES) {
    const result = await deps.clickhouse.query({
      query: `SELECT toString(count()) AS n FROM ${table} WHERE ${where}`,
      query_params: params,
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ n: string }>();
    const rows = Number(row?.n ?? 0);
    // A mutation rewrites whole parts, also when it finds nothing.
    if (rows === 0) continue;
    await deps.clickhouse.command({
      query: `ALTER TABLE ${table} DELETE WHERE ${where}`,
      query_params: params,
      clickhouse_settings: { mutations_sync: '1' },
    });
    dropped += rows;
  }
  return dropped;
}
