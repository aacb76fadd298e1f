import { expect, test } from 'vitest';
import { emptyTally } from './producers/sender.ts';
import { judge } from './quiet.ts';
import { type ChaosReport, type FaultResult, isRecovered, reportLines } from './report.ts';

const fault: FaultResult = {
  number: 0,
  atMs: 2_000,
  kind: 'kill-redis',
  target: 'redis',
  durationMs: 3_000,
  happenedMs: 2_010,
  lastedMs: 3_020,
  refusedMs: 0,
  recoveryMs: 1_234,
  waitedFor: null,
  ok: true,
};
const report: ChaosReport = {
  seed: 7,
  minutes: 5,
  rate: 400,
  repeat: 'make chaos SEED=7',
  faults: [fault],
  totals: { ...emptyTally(), duplicates: 0, drained_ms: 100 },
  checks: [{ name: 'events', checked: 5, faults: [] }],
  ok: true,
};
const text = (more: Partial<ChaosReport>): string => reportLines({ ...report, ...more }).join('\n');

test('a good run says so, and how to run it again', () => {
  expect(text({})).toMatch(/kill-redis +redis +2\.0 s +3\.0 s +- +1\.2 s +pass/);
  expect(text({})).toMatch(/events +5 +ok/);
  expect(text({})).toContain('Nothing lost, nothing twice');
  expect(text({})).toContain('The same run again: make chaos SEED=7');
});

test('faults are named, the first twenty of each check', () => {
  const faults = Array.from({ length: 25 }, (_, n) => `event m${n}: lost`);
  const lines = text({ checks: [{ name: 'events', checked: 30, faults }], ok: false });
  expect(lines).toMatch(/events +30 +25 FAULTS/);
  expect(lines).toContain('event m19: lost');
  expect(lines).not.toContain('event m20: lost');
  expect(lines).toContain('… and 5 more');
  expect(lines).toContain('Failed: 1 checks found faults, 0 recoveries fell short.');
});

test('a recovery counts up to the seconds that it may take; a longer one says what it waited for', () => {
  expect([0, 15_000, 15_001, null].map((ms) => isRecovered(ms, 15))).toEqual([true, true, false, false]);
  expect(isRecovered(15_001, 40)).toBe(true);
  const lines = text({ faults: [{ ...fault, recoveryMs: null, waitedFor: 'jobs in profiles-3', ok: false }], ok: false });
  expect(lines).toMatch(/never +SHORT/);
  expect(lines).toContain('kill-redis of redis: it waited for jobs in profiles-3');
  expect(lines).toContain('1 recoveries fell short');
});

test('a queue that does not drain is named with its depth', () => {
  expect(judge([], 0).faults).toEqual([]);
  expect(judge([{ queue: 'profiles-3', waiting: 12, active: 1, failed: 0 }], 4).faults).toEqual([
    'profiles-3: 12 jobs waiting, 1 being worked on, 0 failed',
    '4 ledger rows are not delivered',
  ]);
  expect(judge([{ queue: 'timeline', waiting: 0, active: 0, failed: 1 }], 0).faults).toHaveLength(1);
});
