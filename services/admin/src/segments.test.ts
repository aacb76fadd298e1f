/** `segments audit` and the segments' part of `verify`, with a real segmenter that audits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { type LocalStack, startStack } from '@muster/embedded';
import { changeSegments, createPool, createSegment, epochState, findWorkspace, listSegments, type Pool } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './cli.ts';

let dataDir: string;
let stack: LocalStack;
let pool: Pool;
let clickhouse: ClickHouse;
let ws: number;

async function admin(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env: stack.env,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

const segment = async (id: string) => (await listSegments(pool, ws)).find((s) => s.segment_id === id);
async function until(test: () => Promise<boolean>, ms = 30_000): Promise<void> {
  for (const deadline = Date.now() + ms; !(await test()); await sleep(100)) if (Date.now() > deadline) throw new Error('not in time');
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-audit-'));
  stack = await startStack({ dataDir, services: ['segmenter'] });
  pool = createPool(stack.stores.postgresUrl, { max: 2, role: 'admin', onError: () => undefined });
  clickhouse = createClickHouse(stack.stores.clickhouseUrl);
  ws = (await findWorkspace(pool, 'demo'))?.workspaceId ?? 0;
  const { port } = stack.service('segmenter');
  await until(async () => (await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => null))?.ok === true, 60_000);
}, 120_000);
afterAll(async () => {
  await pool?.end();
  await clickhouse?.close();
  await stack?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

test('a workspace without segments has nothing to audit', async () => {
  expect(await admin('segments', 'audit')).toEqual({ code: 0, out: 'There are no segments.\n', err: '' });
});

test('right members pass; a wrong one is counted, put right, and named once', async () => {
  const contact = (id: number, country: string) => ({
    workspace_id: ws,
    contact_id: id,
    email: `c${id}@x.io`,
    country,
    version: 1,
    is_deleted: 0,
  });
  await clickhouse.insert({ table: 'contacts', values: [1, 2, 3].map((id) => contact(id, 'DE')), format: 'JSONEachRow' });
  const tree = {
    kind: 'leaf',
    leaf: {
      source: 'contacts',
      contact: { filters: [{ field_name: 'country', field_type: 'string', operator: 'equals', string_values: ['DE'] }] },
    },
  };
  await changeSegments(pool, ws, async (client) => {
    for (const id of ['german', 'germans_too']) await createSegment(client, ws, { id, name: id, color: null, timezone: 'UTC', tree });
  });
  const first = await admin('segments', 'audit', '--workspace', 'demo', '--timeout', '60');
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toMatch(/demo +german +3 +0 +right/);
  expect(first.out).toMatch(/demo +germans_too +3 +0 +right/);

  // A member whom no tree lets in, in an epoch that counts.
  const { committed } = await epochState(pool, ws);
  const uid = (await segment('german'))?.segment_uid;
  const flip = { workspace_id: ws, segment_uid: uid, epoch: committed, contact_id: 99, state: 1, at: '2026-01-01 00:00:00.000' };
  await clickhouse.insert({ table: 'segment_flips', values: [flip], format: 'JSONEachRow' });
  const drifted = await admin('segments', 'audit', '--timeout', '60');
  expect(drifted.code).toBe(1);
  expect(drifted.out).toMatch(/demo +german +\d +1 +was wrong, put right/);
  expect(drifted.err).toContain('1 segments had wrong members');
  const metrics = await (await fetch(`http://127.0.0.1:${stack.service('segmenter').port}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`muster_segment_drift_contacts\\{workspace="${ws}",service="segmenter"\\} 1`));
  expect(await admin('segments', 'audit', '--timeout', '60')).toMatchObject({ code: 0, err: '' });
}, 90_000);

test('a segment that failed is shown with its reason and not waited for', async () => {
  await pool.query("UPDATE segments SET status = 'failed', error = 'tree: it takes too long' WHERE segment_id = 'german'");
  const found = await admin('segments', 'audit', '--timeout', '60');
  expect(found.code).toBe(0);
  expect(found.out).toMatch(/german +\d +- +failed, not audited: tree: it takes too long/);
  await pool.query("UPDATE segments SET status = 'active', error = NULL WHERE segment_id = 'german'");
}, 60_000);

test('verify audits too, once a rebuild that is under way is done', async () => {
  await pool.query("UPDATE segments SET status = 'building', build_reason = 'requested' WHERE segment_id = 'german'");
  const { out } = await admin('verify');
  expect(out).toContain('demo: 2 segments have the members that their trees say.');
  await until(async () => (await segment('german'))?.status === 'active');
}, 60_000);

test('without a segmenter both say that nothing was audited', async () => {
  await stack.service('segmenter').stop();
  const started = Date.now();
  const audit = await admin('segments', 'audit');
  expect(audit.code).toBe(1);
  expect(audit.err).toContain('2 segments were not audited. No segmenter answers');
  expect(Date.now() - started).toBeLessThan(40_000);
  expect((await admin('verify')).out).toContain('demo: its segments were not audited. No segmenter answers');
}, 90_000);
