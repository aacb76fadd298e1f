/** The benchmarks as a person starts them, at a small share of their counts: every row is there and nothing is lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY, runTypeScript } from '@muster/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BenchResult, benchResult } from '../../packages/loadtest/src/bench/result.ts';

const ROUNDS = 1;
const SCALE = 0.003;
/** Of B2's million, and of B3's 200,000 the least there is: one batch. */
const EVENTS = 3_000;
const CONTACTS = 1_000;

let results: string;
beforeAll(() => {
  results = mkdtempSync(join(tmpdir(), 'muster-bench-results-'));
});
afterAll(() => rmSync(results, { recursive: true, force: true }));

type Ended = { code: number | null; said: string };

async function bench(env: Record<string, string>, onText: (said: string, pid: number) => void = () => undefined): Promise<Ended> {
  const { file, args } = runTypeScript(join(REPOSITORY, 'packages/loadtest/src/bench/main.ts'), []);
  const child = spawn(file, args, {
    cwd: REPOSITORY,
    env: { ...process.env, RESULTS: results, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      said += data.toString();
      onText(said, child.pid ?? 0);
    });
  const [code] = await once(child, 'close');
  return { code: typeof code === 'number' ? code : null, said };
}

/** Runs some of them to their end; what was found is read from the file that a run leaves. */
async function measured(only: string): Promise<{ result: BenchResult; said: string }> {
  const { code, said } = await bench({ ONLY: only, SCALE: String(SCALE), ROUNDS: String(ROUNDS) });
  expect(code, said).toBe(0);
  const path = /Written to (\S+)\.$/m.exec(said)?.[1] ?? '';
  return { result: benchResult.parse(JSON.parse(readFileSync(path, 'utf8'))), said };
}

test('measures every row beside its baseline and writes a result', { timeout: 120_000 }, async () => {
  const { result, said } = await measured('B1,B2,B3,B6,B7');
  expect(result.rows.map((row) => row.id)).toEqual(['B1', 'B2', 'B3', 'B6', 'B6.memory', 'B7']);
  expect(result.options).toMatchObject({ scale: SCALE, rounds: ROUNDS });
  for (const row of result.rows) {
    expect(row.rounds, row.id).toHaveLength(ROUNDS);
    expect(said).toContain(`| ${row.id} | ${row.work} |`);
    for (const { system, baseline } of row.rounds) {
      // The figures follow from the raw rounds that stand beside them.
      expect(system.rate).toBeCloseTo(system.items / system.seconds, 6);
      const memory = row.id === 'B6.memory';
      expect(row.figure.median).toBe(memory ? system.notes.worker_peak_mb : system.rate);
      if (baseline && !memory) expect(row.ratio?.median).toBeCloseTo(system.rate / baseline.rate, 9);
      else if (!baseline) expect([row.id, row.ratio]).toEqual(['B6', null]);
      if (process.platform === 'linux') expect(system.cpu_us.api, `${row.id}: CPU of the API`).toBeGreaterThan(0);
    }
  }

  // Nothing was refused or sent twice. That all of it was accepted and is stored, the run itself counted before it ended with 0.
  const quiet = { answers_503: 0, answers_429: 0, lost_answers: 0 };
  const [b1, b2, b3, b6, memory, b7] = result.rows.map((row) => row.rounds[0]);
  expect(Object.keys(b1?.system.notes ?? {}).filter((name) => name.startsWith('answers_'))).toEqual([]);
  for (const measured of [b2?.system, b2?.others['events with ids'], b7?.system])
    expect(measured).toMatchObject({ items: EVENTS, notes: quiet });
  for (const half of ['new alone', 'updates alone']) expect(b3?.others[half]).toMatchObject({ items: CONTACTS, notes: quiet });
  expect([b3?.system.items, b3?.baseline?.items, b2?.baseline?.items]).toEqual([2 * CONTACTS, 2 * CONTACTS, EVENTS]);
  expect(b7?.baseline).toEqual(b2?.system);
  expect([b6?.system.items, memory?.system.items]).toEqual([EVENTS, 5 * EVENTS]);
  if (process.platform === 'linux') expect(memory?.system.notes.worker_peak_mb).toBeGreaterThan(50);
});

test('builds and memberships: every tree beside SQL by hand, every wait with its quantile', { timeout: 120_000 }, async () => {
  const { result, said } = await measured('B4,B5');
  const ids = result.rows.map((row) => row.id);
  expect(ids).toEqual([...Array.from({ length: 8 }, (_, n) => `B4.${n + 1}`), 'B5.p95', 'B5.p99', 'B5.exit']);
  for (const row of result.rows) {
    expect(row.rounds, row.id).toHaveLength(ROUNDS);
    expect(said).toContain(`| ${row.id} | ${row.work} |`);
    const [{ system, baseline } = { system: null, baseline: null }] = row.rounds;
    expect(row.figure.median).toBe((system?.seconds ?? 0) * 1_000);
    if (row.id.startsWith('B4')) expect([row.ratio?.median, baseline?.seconds]).toEqual([expect.any(Number), expect.any(Number)]);
    else expect(system?.notes).toMatchObject({ probes: 10, unseen: 0 });
  }
});

test('an option that cannot be used is said before anything starts', async () => {
  const { code, said } = await bench({ ONLY: 'B99' });
  expect(code).toBe(1);
  expect(said).toContain('ONLY="B99": give some of B1,B2,B3,B4,B5,B6,B7');
  expect(said).not.toContain('Starting');
});

test('Ctrl-C ends the run in order and leaves nothing behind', { timeout: 60_000 }, async () => {
  let stopped = false;
  const { code, said } = await bench({ ONLY: 'B2', SCALE: String(SCALE) }, (text, pid) => {
    if (stopped || !text.includes('contacts for events')) return;
    stopped = true;
    process.kill(pid, 'SIGINT');
  });
  expect(code, said).toBe(130);
  expect(said.trimEnd().endsWith('Stopped.'), said).toBe(true);
  const dataDir = /Starting a stack of its own in (\S+);/.exec(said)?.[1];
  expect(dataDir).toBeDefined();
  expect(readdirSync(tmpdir())).not.toContain(dataDir?.split('/').at(-1));
});
