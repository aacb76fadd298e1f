import { expect, test } from 'vitest';
import { type Facts, judgeMemory, mostParts, requirements } from './judge.ts';
import type { Sample } from './sampler.ts';

const MB = 1_048_576;
const balance = {
  ...{ accepted: 0, applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0, erased: 0, cancelled: 0, waiting: 0 },
};

/** A sample every 10 s for 10 minutes, the worker's megabytes as told. */
function run(worker: (n: number) => number, parts = 20): Sample[] {
  return Array.from({ length: 60 }, (_, n) => ({
    seconds: (n + 1) * 10,
    memory: { api: 150 * MB, worker: worker(n) * MB },
    parts: { timeline_by_kind: n === 30 ? parts : 10, contacts: 3 },
    undelivered: 0,
    waiting: 0,
    latency: null,
    balance,
  }));
}

const workerOf = (samples: Sample[]) => judgeMemory(samples).find((v) => v.process === 'worker');

test('memory that stays is flat, and so is one that only rises while warming up', () => {
  expect(workerOf(run(() => 200))).toEqual({
    process: 'worker',
    early_bytes: 200 * MB,
    late_bytes: 200 * MB,
    slope_mb_per_minute: 0,
    flat: true,
  });
  expect(workerOf(run((n) => 100 + 100 * Math.min(1, n / 12)))?.flat).toBe(true);
});

test('single peaks do not count, steady growth does', () => {
  expect(workerOf(run((n) => (n % 9 === 0 ? 900 : 200)))?.flat).toBe(true);
  const growing = workerOf(run((n) => 200 + 2 * n));
  expect(growing?.flat).toBe(false);
  // Two megabytes every ten seconds.
  expect(growing?.slope_mb_per_minute).toBeCloseTo(12, 6);
});

test('the bound is 15 % and 32 MB', () => {
  const late = (mb: number) => workerOf(run((n) => (n < 48 ? 400 : mb)))?.flat;
  expect(late(491)).toBe(true);
  expect(late(493)).toBe(false);
});

test('a process that was seen for a part of the run is judged by that part; one never seen is not there', () => {
  const samples = run(() => 200).map((sample, n) => (n < 30 ? { ...sample, memory: { api: 150 * MB } } : sample));
  expect(judgeMemory(samples).map(({ process, flat }) => [process, flat])).toEqual([
    ['api', true],
    ['worker', true],
  ]);
  expect(judgeMemory([])).toEqual([]);
});

test('parts: the most and the last of each table', () => {
  expect(mostParts(run(() => 200, 77))).toEqual({ timeline_by_kind: { max: 77, last: 10 }, contacts: { max: 3, last: 3 } });
});

function facts(more: Partial<Facts>, samples = run(() => 200)): Facts {
  return {
    seconds: 600,
    samples,
    missed: 0,
    memory: judgeMemory(samples),
    p99Ms: 12,
    unsentItems: 0,
    undeliveredAtEnd: 0,
    restarts: 0,
    balanceAgrees: true,
    ...more,
  };
}
const unmet = (f: Facts) => requirements(f).flatMap(({ name, met }) => (met ? [] : [name]));

test('a steady run meets everything', () => {
  expect(unmet(facts({}))).toEqual([]);
});

test.each([
  [{ missed: 1 }, 'looks that failed'],
  [{ p99Ms: 50.1 }, 'p99 of accept after the first fifth, ms'],
  [{ p99Ms: null }, 'p99 of accept after the first fifth, ms'],
  [{ unsentItems: 1 }, 'items due and never sent'],
  [{ undeliveredAtEnd: 2 }, 'ledger rows undelivered at the end'],
  [{ restarts: 1 }, 'processes that died'],
  [{ balanceAgrees: false }, 'answers and balance'],
  [{ samples: run(() => 200, 301) }, 'parts of a table'],
  [{ samples: [] }, 'parts of a table'],
  [{ memory: [] }, 'memory is flat'],
])('%o falls short', (more, name) => {
  expect(unmet(facts(more))).toEqual([name]);
});

test('growth falls short by name, but not in a run too short to tell', () => {
  const growing = run((n) => 200 + 5 * n);
  expect(unmet(facts({}, growing))).toEqual(['memory is flat']);
  expect(requirements(facts({}, growing))[0]?.found).toBe('not worker');
  expect(unmet(facts({ seconds: 60 }, growing))).toEqual([]);
});
