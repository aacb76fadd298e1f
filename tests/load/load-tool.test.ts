/** The load tool as a person runs it, short, at a fixed rate and as fast as it goes: what it reports is what the stores hold. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { REPOSITORY, runTypeScript } from '@muster/embedded';
import { readBalance } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ReadReport, readReport } from '../../packages/loadtest/src/load/testing.ts';
import { type HttpStack, startHttpStack } from '../support/http.ts';
import { until } from '../support/pipeline.ts';

const TIMEOUT = 90_000;
const dir = mkdtempSync(join(tmpdir(), 'muster-load-'));
let http: HttpStack;
let clickhouse: ClickHouse;

beforeAll(async () => {
  http = await startHttpStack();
  clickhouse = createClickHouse(http.stack.stores.clickhouseUrl);
}, 120_000);
afterAll(async () => {
  await clickhouse?.close();
  await http?.close();
  rmSync(dir, { recursive: true, force: true });
});

const clean = (): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_')));

function run(tool: string, env: NodeJS.ProcessEnv, args: string[] = []): Promise<{ code: number; text: string }> {
  const command = runTypeScript(join(REPOSITORY, tool), args);
  return new Promise((resolve) => {
    const options = { cwd: REPOSITORY, env: { ...clean(), ...env }, timeout: TIMEOUT };
    execFile(command.file, command.args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, text: stdout + stderr }),
    );
  });
}

async function load(env: Record<string, string>): Promise<{ report: ReadReport; text: string }> {
  const file = join(dir, 'reports', `${Math.random()}.json`);
  const target = { MUSTER_API_URL: http.stack.apiUrl, MUSTER_DEV_KEY: http.stack.devKey };
  const { code, text } = await run('packages/loadtest/src/load/main.ts', { ...target, REPORT: file, ...env });
  expect(text).toMatch(/All 8 figures agree\./);
  expect(code).toBe(0);
  return { report: readReport(readFileSync(file, 'utf8')), text };
}

async function count(query: string): Promise<number> {
  const result = await clickhouse.query({ query, format: 'JSONEachRow' });
  const [row] = await result.json<{ n: string | number }>();
  return Number(row?.n ?? -1);
}

const sent = (r: ReadReport, kind: 'event' | 'upsert'): number =>
  Object.entries(r.calls).reduce((sum, [call, { accepted }]) => sum + (call.includes(kind) ? accepted : 0), 0);

/** Events that must be stored: those accepted but for the ones sent again. */
let stored = 0;

async function compareWithStores(r: ReadReport): Promise<void> {
  const { waiting, ...after } = r.balance.after;
  expect(waiting).toBe(0);
  expect(await readBalance(http.pool, 1)).toEqual(after);
  expect((after.accepted ?? 0) - (r.balance.before.accepted ?? 0)).toBe(r.total.accepted);
  stored += sent(r, 'event') - r.duplicates_expected;
  for (const table of ['timeline_by_contact', 'timeline_by_kind']) {
    const events = `SELECT uniqExact(id) AS n FROM ${table} WHERE entity_type = 'message'`;
    await until(`${table} complete`, async () => (await count(events)) >= stored);
    expect(await count(events), table).toBe(stored);
  }
}

test('as fast as it goes, with events sent again: answers, ledger and both timelines agree', { timeout: TIMEOUT }, async () => {
  const { report: r, text } = await load({ DURATION: '5', DUPLICATES: '0.2', CONTACTS: '2000', SKEW: '1', BATCH: '200', CONNECTIONS: '8' });
  expect(r.open_loop).toBeNull();
  expect(Object.keys(r.calls).sort()).toEqual(['event_batch', 'single_event', 'single_upsert', 'upsert_batch']);
  expect(r.duplicates_expected).toBeGreaterThan(0);
  expect(r.total.rejected).toBe(0);
  expect(text).toMatch(/closed loop\): [\d,]+ items\/s accepted/);
  await compareWithStores(r);
});

test('at a fixed rate: as many items as asked for, and the same agreement', { timeout: TIMEOUT }, async () => {
  const asked = { RATE: '1000', DURATION: '6', CONTACTS: '2000', BATCH: '100', IDS: '0', SEED: '2' };
  const { report: r } = await load(asked);
  // What a slow machine could not send is counted, not hidden; a last batch may begin just before the end.
  const unsent = r.open_loop?.unsent_items ?? Number.NaN;
  expect(r.total.sent + unsent).toBeGreaterThanOrEqual(6_000);
  expect(r.total.sent + unsent).toBeLessThan(6_100);
  expect(r.latency_ms.p50).toBeGreaterThan(0);
  expect(r.latency_ms.max).toBeGreaterThanOrEqual(r.latency_ms.p99);
  for (const [call, { latency_ms }] of Object.entries(r.calls)) expect(latency_ms.p99, call).toBeGreaterThanOrEqual(latency_ms.p50);
  // Without ids of its own an event gets one.
  await compareWithStores(r);
});

test('after it, verify finds nothing', { timeout: TIMEOUT }, async () => {
  const { code, text } = await run('services/admin/src/main.ts', http.stack.env, ['verify']);
  expect(text).toContain('demo: the balance adds up and the databases agree.');
  expect(code).toBe(0);
});

test('Ctrl-C ends it at once, and the system keeps what it had accepted', { timeout: TIMEOUT }, async () => {
  const env = { ...clean(), MUSTER_API_URL: http.stack.apiUrl, MUSTER_DEV_KEY: http.stack.devKey, RATE: '500', DURATION: '60' };
  const before = await readBalance(http.pool, 1);
  const { file, args } = runTypeScript(join(REPOSITORY, 'packages/loadtest/src/load/main.ts'), []);
  const child: ChildProcess = spawn(file, args, { cwd: REPOSITORY, env });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const exit = once(child, 'exit');
  await until('a load under way', async () => (await readBalance(http.pool, 1)).accepted > before.accepted);
  const from = Date.now();
  child.kill('SIGINT');
  expect(await exit).toEqual([130, null]);
  expect(Date.now() - from).toBeLessThan(5_000);
  expect(text).toMatch(/Stopped\.\n$/);
  expect(text).not.toMatch(/\n +at /);
});

test('says what is wrong, without a stack trace', { timeout: TIMEOUT }, async () => {
  const target = { MUSTER_API_URL: http.stack.apiUrl, MUSTER_DEV_KEY: http.stack.devKey };
  const cases: [NodeJS.ProcessEnv, RegExp][] = [
    [{ ...target, BATCH: '0' }, /HELP=1 lists them all[\s\S]*BATCH="0"/],
    [{ ...target, MUSTER_DEV_KEY: 'wrong' }, /does not take the key: .* Set MUSTER_DEV_KEY/],
    [{ ...target, REPORT: '/proc/report.json' }, /The report cannot be written: .* Choose another REPORT\./],
    [{ ...target, MUSTER_DEV_KEY: await http.key(['read']), DURATION: '1' }, /answered 403/],
  ];
  for (const [env, message] of cases) {
    const { code, text } = await run('packages/loadtest/src/load/main.ts', env);
    expect(text).toMatch(message);
    expect(text).not.toMatch(/\n +at /);
    expect(code).toBe(1);
  }
});
