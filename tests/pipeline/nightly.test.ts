/** The night: segments are audited or tried again, and rows of epochs that never count go. No segmenter runs here, so what is asked for stays. */
import { changeSegments, createSegment, listSegments } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';
import { chRows, maintain } from './helpers.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline({ env: { MUSTER_SWEEP_SECONDS: '3600' } });
}, 120_000);
afterAll(() => p?.close());

const TREE = {
  kind: 'leaf',
  leaf: { source: 'contacts', contact: { filters: [{ field_name: 'country', field_type: 'string', operator: 'is_set' }] } },
};

test('right segments are audited, failed ones tried again, and what is wanted already stays wanted', async () => {
  const states: [string, string, string | null][] = [
    ['active', 'active', null],
    ['failed', 'failed', null],
    ['edited', 'building', 'changed'],
    ['rebuilding', 'building', 'requested'],
    ['gone', 'active', null],
  ];
  await changeSegments(p.pool, p.workspaceId, async (client) => {
    for (const [id] of states) await createSegment(client, p.workspaceId, { id, name: id, color: null, timezone: 'UTC', tree: TREE });
  });
  for (const [id, status, reason] of states)
    await p.pool.query('UPDATE segments SET status = $2, build_reason = $3 WHERE segment_id = $1', [id, status, reason]);
  await p.pool.query("UPDATE segments SET deleted_at = now() WHERE segment_id = 'gone'");
  await maintain(p, 'nightly');
  const found = (await listSegments(p.pool, p.workspaceId)).map((s) => [s.segment_id, s.status, s.build_reason]);
  expect(found).toEqual([
    ['active', 'active', 'audit'],
    ['edited', 'building', 'changed'],
    ['failed', 'building', 'requested'],
    ['rebuilding', 'building', 'requested'],
  ]);
  expect((await p.pool.query("SELECT build_reason FROM segments WHERE segment_id = 'gone'")).rows).toEqual([{ build_reason: null }]);
});

test('rows of void epochs go once they are a day old; the list stays, and so does everything else', async () => {
  const day = 86_400_000;
  const at = (days: number): string => new Date(Date.now() - days * day).toISOString().slice(0, -1).replace('T', ' ');
  await p.pool.query('INSERT INTO segment_void_epochs (workspace_id, epoch) VALUES ($1, 7)', [p.workspaceId]);
  const row = (workspace: number, epoch: number, days: number) => ({ workspace_id: workspace, segment_uid: 1, epoch, at: at(days) });
  const other = p.workspaceId + 1;
  const rows = [row(p.workspaceId, 7, 2), row(p.workspaceId, 7, 0.5), row(p.workspaceId, 6, 2), row(other, 7, 2)];
  const flips = rows.flatMap((r, n) => [1, 2].map((contact) => ({ ...r, contact_id: 10 * n + contact, state: 1 })));
  await p.clickhouse.insert({ table: 'segment_flips', values: flips, format: 'JSONEachRow' });
  for (const r of rows)
    await p.clickhouse.command({
      query: `INSERT INTO segment_sets SELECT {w:UInt32}, 1, {e:UInt64}, {at:DateTime64(3)}, bitmapBuild([1::UInt32]), bitmapBuild([1::UInt32]),
        bitmapBuild(emptyArrayUInt32()) SETTINGS async_insert = 0`,
      query_params: { w: r.workspace_id, e: r.epoch, at: r.at },
    });
  const left = async (table: string) =>
    chRows(p, `SELECT workspace_id AS w, toUInt32(epoch) AS e, toUInt32(count()) AS n FROM ${table} GROUP BY w, e ORDER BY w, e`);
  const before = await left('segment_sets');
  expect(before).toHaveLength(3);
  await maintain(p, 'nightly');
  for (const [table, each] of [
    ['segment_flips', 2],
    ['segment_flips_by_contact', 2],
    ['segment_sets', 1],
  ] as const)
    expect(await left(table), table).toEqual([
      { w: p.workspaceId, e: 6, n: each },
      // The younger one: one of two.
      { w: p.workspaceId, e: 7, n: each },
      { w: other, e: 7, n: each },
    ]);
  expect((await p.pool.query('SELECT epoch FROM segment_void_epochs')).rows).toEqual([{ epoch: '7' }]);
});
