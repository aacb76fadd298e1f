/** `make chaos` as a person runs it: a short run with a handful of faults, what it says of bad options, and Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY, runTypeScript } from '@muster/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChaosReport } from '../../packages/loadtest/src/chaos/report.ts';
import { until } from '../support/pipeline.ts';

const FAULTS = ['kill-redis', 'freeze-worker', 'cut-postgres', 'kill-api', 'kill-segmenter', 'mute-clients', 'kill-clickhouse'];
/** Two files of tests share the machine, so recoveries take longer here. The 15 seconds are judged by `make chaos` itself. */
const RECOVERY = '40';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-chaos-test-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The program, its output so far, and its end. Its own data directory is in `dir`, too. */
function start(options: Record<string, string>): { child: ChildProcess; text: () => string; ended: Promise<unknown[]> } {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_')));
  const { file, args } = runTypeScript(join(REPOSITORY, 'packages/loadtest/src/chaos/main.ts'), []);
  const child = spawn(file, args, {
    cwd: REPOSITORY,
    env: { ...env, TMPDIR: dir, ...options },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const append = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', append);
  return { child, text: () => text, ended: once(child, 'close') };
}

test('seven faults in 45 seconds: nothing lost, nothing twice, order kept, recovered every time', async () => {
  const file = join(dir, 'report.json');
  const run = start({ MINUTES: '0.75', EVERY: '6', SEED: '7', RATE: '150', FAULTS: FAULTS.join(','), RECOVERY, REPORT: file });
  const [code] = await run.ended;
  expect(code, run.text()).toBe(0);
  const report: ChaosReport = JSON.parse(readFileSync(file, 'utf8'));
  expect(report.ok).toBe(true);
  expect(report.faults.map(({ kind }) => kind).sort()).toEqual([...FAULTS].sort());
  for (const fault of report.faults) expect(fault, fault.kind).toMatchObject({ ok: true });
  expect(report.faults.find(({ kind }) => kind === 'kill-redis')?.refusedMs, 'producers refused without Redis').toBeGreaterThan(300);
  // What finds nothing because it looked at nothing would prove nothing.
  const looked = report.checks.filter(({ name }) => !name.startsWith('every queue'));
  expect(looked.length).toBeGreaterThan(10);
  for (const check of looked) expect(check.checked, check.name).toBeGreaterThan(0);
  expect(report.checks.flatMap(({ faults }) => faults)).toEqual([]);
  expect(report.totals.acknowledged).toBeGreaterThan(1_000);
  expect(report.totals.repeated).toBeGreaterThan(0);
  expect(report.totals.duplicates).toBeGreaterThan(0);
  expect(run.text()).toContain(`The same run again: ${report.repeat}`);
  expect(run.text()).toContain('Nothing lost, nothing twice');
  expect(dataDirOf(run.text()), 'the data directory after a success').not.toSatisfy(existsSync);
}, 360_000);

test('Ctrl-C during a fault ends it, leaves no process and no data', async () => {
  const run = start({ MINUTES: '5', EVERY: '3', FAULTS: 'freeze-worker', RATE: '50' });
  try {
    await until('a frozen worker', async () => /^State:\tT/m.test(pidsOf(run.text()).map(statusOf).join('\n')), 120_000);
    const pids = pidsOf(run.text());
    expect(pids.length).toBeGreaterThanOrEqual(7);
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([130, null]);
    expect(run.text()).toMatch(/Stopped\.\n$/);
    expect(run.text()).not.toMatch(/\n +at /);
    expect(pids.filter((pid) => statusOf(pid) !== '')).toEqual([]);
    expect(dataDirOf(run.text())).not.toSatisfy(existsSync);
  } finally {
    run.child.kill('SIGTERM');
    await run.ended;
  }
}, 180_000);

test('says what is wrong with an option, without a stack trace', async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ MINUTES: 'long' }, /MINUTES="long": give a number/],
    [{ FAULTS: 'kill-printer' }, /There is no fault "kill-printer"\. HELP=1 lists them\./],
  ];
  for (const [options, message] of cases) {
    const run = start(options);
    expect(await run.ended).toEqual([1, null]);
    expect(run.text()).toMatch(message);
    expect(run.text()).not.toMatch(/\n +at /);
  }
  const help = start({ HELP: '1' });
  expect(await help.ended).toEqual([0, null]);
  for (const word of ['MINUTES=5', 'SEED=7', 'freeze-worker']) expect(help.text()).toContain(word);
});

const dataDirOf = (text: string): string => /Starting a stack in ([^ :]+)/.exec(text)?.[1] ?? '';

/** Of the processes of the stack, as it has noted them. */
function pidsOf(text: string): number[] {
  const file = join(dataDirOf(text), 'processes.json');
  if (!existsSync(file)) return [];
  return [...readFileSync(file, 'utf8').matchAll(/"pid":\s*(\d+)/g)].map(([, pid]) => Number(pid));
}

/** What the kernel says of a process; empty when there is none. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}
