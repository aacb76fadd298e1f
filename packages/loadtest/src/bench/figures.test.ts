import { expect, test } from 'vitest';
import { mustBe } from './bed.ts';
import { BenchError } from './errors.ts';
import { together } from './measure.ts';
import { benchOptions, scaled } from './options.ts';
import { type BenchResult, type Measurement, resultName } from './result.ts';
import { rowOf, timedRowOf } from './rows.ts';
import { markdownTable, reportLines } from './table.ts';

const turn = (rate: number): Measurement => ({ items: 1_000, seconds: 1_000 / rate, rate, cpu_us: { api: 10 }, notes: { answers_503: 2 } });
const rounds = (...pairs: [number, number][]) =>
  pairs.map(([system, baseline]) => ({ system: turn(system), baseline: turn(baseline), others: {} }));
const row = (goal: { rate: number | null; ratio: number }, ...pairs: [number, number][]) =>
  rowOf({ id: 'B9', work: 'things', unit: 'things/s', baselineWork: 'bare things', goal, rounds: rounds(...pairs) });

test('a row is met only when both its goals are, and on the spot is met', () => {
  expect(row({ rate: null, ratio: 0.5 }, [50, 100])).toMatchObject({ verdict: 'pass', ratio: { median: 0.5 }, figure: { median: 50 } });
  expect(row({ rate: null, ratio: 0.5 }, [49.9, 100]).verdict).toBe('short');
  expect(row({ rate: 60, ratio: 0.5 }, [50, 100]).verdict).toBe('short');
  expect(row({ rate: 50, ratio: 0.5 }, [50, 100]).verdict).toBe('pass');
  // One bad round of three does not decide.
  expect(row({ rate: 50, ratio: 0.5 }, [50, 100], [10, 100], [60, 100])).toMatchObject({ verdict: 'pass', ratio: { min: 0.1, max: 0.6 } });
});

test('of times the less is the better, of their ratio, too', () => {
  const lasting = (seconds: number): Measurement => ({ items: 1, seconds, rate: 1 / seconds, cpu_us: {}, notes: {} });
  const timed = (goal: { ms: number | null; ratio: number | null }, system: number, baseline: number | null) =>
    timedRowOf({
      ...{ id: 'B9', work: 'waits', baselineWork: baseline === null ? null : 'by hand', goal },
      rounds: [{ system: lasting(system), baseline: baseline === null ? null : lasting(baseline), others: { alone: lasting(0.1) } }],
    });
  expect(timed({ ms: 400, ratio: 1.5 }, 0.3, 0.2)).toMatchObject({
    ...{ verdict: 'pass', unit: 'ms', figure: { median: 300 }, baseline: { median: 200 }, ratio: { median: 1.5 } },
    others: { alone: { median: 100 } },
  });
  expect(timed({ ms: 299, ratio: 1.5 }, 0.3, 0.2).verdict).toBe('short');
  expect(timed({ ms: 400, ratio: 1.4 }, 0.3, 0.2).verdict).toBe('short');
  const rounds = timed({ ms: 400, ratio: 1.5 }, 0.3, 0.2).rounds;
  const part = timedRowOf({ id: 'B9', work: 'waits', baselineWork: 'by hand', goal: { ms: 400, ratio: 0.5 }, compared: 'alone', rounds });
  expect(part).toMatchObject({ verdict: 'pass', figure: { median: 300 }, ratio: { median: 0.5 } });
  const alone = timed({ ms: 400, ratio: null }, 0.3, null);
  expect(alone).toMatchObject({ verdict: 'pass', baseline: null, ratio: null });
  const table = markdownTable({ ...result(), rows: [alone] });
  expect(table[2]).toBe('| B9 | waits | ≤ 400 ms | 300 (300–300) ms | – | – | pass |');
  expect(table.join('\n')).not.toContain('Baseline of');
});

test('two halves are one measurement over the time of both', () => {
  const both = together(turn(100), { ...turn(300), items: 3_000, seconds: 10, cpu_us: { api: 30, worker: 4 } }, { a: 1 });
  expect(both).toEqual({ items: 4_000, seconds: 20, rate: 200, cpu_us: { api: 25, worker: 3 }, notes: { a: 1 } });
});

test('a count that is not as it must be ends the run', () => {
  expect(() => mustBe('events', 5, 5)).not.toThrow();
  expect(() => mustBe('events', 5, 4)).toThrow(BenchError);
  expect(() => mustBe('events', 5, 6)).toThrow('events: 5 expected, 6 found');
});

test('options: defaults, a selection in any spelling, and what is wrong by name', () => {
  expect(benchOptions({})).toMatchObject({
    ONLY: ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B7'],
    SCALE: 1,
    BIG: false,
    ROUNDS: 3,
    PROFILE: false,
  });
  expect(benchOptions({ SCALE: 'big' })).toMatchObject({ SCALE: 1, BIG: true });
  expect(() => benchOptions({ SCALE: 'huge' })).toThrow('or big');
  expect(benchOptions({ ONLY: 'b7, B1' }).ONLY).toEqual(['B1', 'B7']);
  expect(() => benchOptions({ ONLY: 'B1,B99', ROUNDS: '0' })).toThrow(/ONLY="B1,B99".*\n.*ROUNDS="0"/);
});

test('counts shrink in whole batches, to one at least', () => {
  expect([scaled(1_000_000, 1), scaled(1_000_000, 0.0126), scaled(200_000, 0.0001)]).toEqual([1_000_000, 13_000, 1_000]);
});

const result = (options: Partial<BenchResult['options']> = {}): BenchResult => ({
  version: 1,
  started_at: '2025-03-01T10:00:00.000Z',
  seconds: 1,
  commit: 'abc1234',
  machine: { cpu: 'X', cores: 2, memory_gib: 8, platform: 'linux x64', node: 'v20.0.0' },
  options: { only: ['B1', 'B2'], scale: 1, big: false, rounds: 1, seed: 1, profile: false, ...options },
  rows: [row({ rate: 40, ratio: 0.5 }, [50_000, 100_000])],
});

test('only a whole run has the plain name', () => {
  const name = (options: Partial<BenchResult['options']>) => resultName(result(options), ['B1', 'B2']);
  expect(name({})).toBe('2025-03-01-abc1234');
  expect(name({ only: ['B2'], scale: 0.1, profile: true })).toBe('2025-03-01-abc1234-B2-scale0.1-profiled');
  expect(name({ big: true })).toBe('2025-03-01-abc1234-big');
});

test('the tables tell goal, figure, baseline, ratio, verdict and CPU', () => {
  const [head, rule, first] = markdownTable(result());
  expect([head, rule].map((line) => line?.split('|').length)).toEqual([9, 9]);
  expect(first).toBe(
    '| B9 | things | ≥ 40 things/s, ≥ 0.5× | 50,000 (50,000–50,000) things/s | 100,000 (100,000–100,000) | 0.50 (0.50–0.50) | pass |',
  );
  const text = reportLines(result()).join('\n');
  expect(text).toMatch(/B9 {2}PASS/);
  expect(text).toContain('system: answers_503 2');
  expect(text).toMatch(/system +10\.0 +10\.0/);
  expect(text).toContain('2 cores (X), 8 GiB, Node v20.0.0, commit abc1234');
});
