import { expect, test } from 'vitest';
import { FAULTS } from './faults/index.ts';
import { chaosOptions } from './options.ts';
import { makeSchedule } from './schedule.ts';

const options = (seed: number, minutes: number) => ({ seed, minutes, everySeconds: chaosOptions({}).EVERY });
const seeds = Array.from({ length: 50 }, (_, n) => n);

test('the same seed makes the same schedule, another seed another', () => {
  expect(makeSchedule(FAULTS, options(7, 5))).toEqual(makeSchedule(FAULTS, options(7, 5)));
  const orders = seeds.map((seed) =>
    makeSchedule(FAULTS, options(seed, 5))
      .map(({ kind, target }) => `${kind} ${target}`)
      .join(),
  );
  expect(new Set(orders).size).toBe(seeds.length);
});

test('a longer run begins like a shorter one', () => {
  expect(makeSchedule(FAULTS, options(7, 12)).slice(0, 10)).toEqual(makeSchedule(FAULTS, options(7, 5)).slice(0, 10));
});

test.each([5, 10, 15])('%i minutes hold every kind at least once per five minutes', (minutes) => {
  for (const seed of seeds) {
    const schedule = makeSchedule(FAULTS, options(seed, minutes));
    for (const { kind } of FAULTS) {
      const times = schedule.filter((fault) => fault.kind === kind).length;
      expect(times, `seed ${seed}: ${kind}`).toBeGreaterThanOrEqual(minutes / 5);
    }
  }
});

test('faults come one after the other, within their bounds, and over the seeds at every target', () => {
  const hit = new Set<string>();
  for (const seed of seeds) {
    const schedule = makeSchedule(FAULTS, options(seed, 5));
    for (const [n, fault] of schedule.entries()) {
      const kind = FAULTS.find((f) => f.kind === fault.kind);
      expect(kind?.targets).toContain(fault.target);
      expect(fault.durationMs).toBeGreaterThanOrEqual(kind?.lastsMs[0] ?? Number.NaN);
      expect(fault.durationMs).toBeLessThanOrEqual(kind?.lastsMs[1] ?? Number.NaN);
      expect(fault.atMs).toBeLessThan(5 * 60_000);
      const before = schedule[n - 1];
      if (before) expect(fault.atMs).toBeGreaterThan(before.atMs + before.durationMs);
      hit.add(`${fault.kind} ${fault.target}`);
    }
  }
  expect(hit.size).toBe(FAULTS.reduce((sum, { targets }) => sum + targets.length, 0));
});

test('kinds have names of their own', () => {
  expect(new Set(FAULTS.map(({ kind }) => kind)).size).toBe(FAULTS.length);
});
