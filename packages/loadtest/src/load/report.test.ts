import { expect, test } from 'vitest';
import type { Balance } from '../client/answers.ts';
import type { ClientStats } from '../client/client.ts';
import { loadOptions } from './options.ts';
import { makeReport, reportLines } from './report.ts';
import { Tally } from './tally.ts';

const zero: Balance = {
  ...{ accepted: 0, applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0, erased: 0, cancelled: 0, waiting: 0 },
};
const stats: ClientStats = { requests: 3, attempts: 3, repeated: 0, later: {}, lost: 0, pausedMs: 0, itemsSentAgain: 0 };

/** A batch of 100 events, the same again, and one contact: 201 items, 100 of them to end as duplicate. */
function tally(): Tally {
  const counts = new Tally();
  const batch = { call: 'event_batch', items: 100, body: '', again: false } as const;
  const single = { call: 'single_upsert', items: 1, body: '', again: false } as const;
  for (const [request, ms] of [
    [batch, 10],
    [{ ...batch, again: true }, 20],
    [single, 5],
  ] as const) {
    counts.started(request);
    counts.acknowledged(request, { accepted: request.items, rejected: 0 }, ms);
  }
  return counts;
}

function wrong(difference: Partial<Balance>, more: { stats?: Partial<ClientStats>; KEYS?: boolean; tally?: Tally } = {}): string[] {
  const { REPORT: _file, ...options } = loadOptions({ RATE: '100' });
  const { report, checks } = makeReport({
    url: 'http://127.0.0.1:1',
    options: { ...options, KEYS: more.KEYS ?? true },
    tally: more.tally ?? tally(),
    result: { late: 0, maxLateMs: 0, unsentItems: 0, seconds: 2, startedAt: '2026-01-01T00:00:00.000Z' },
    stats: { ...stats, ...more.stats },
    drainSeconds: 1,
    before: zero,
    after: zero,
    difference: { ...zero, ...difference },
  });
  const names = report.checks.flatMap(({ name, ok }) => (ok ? [] : [name]));
  expect(report.ok).toBe(names.length === 0);
  expect(reportLines(report, checks).join('\n')).toContain(report.ok ? 'All 8 figures agree.' : `${names.length} of 8 figures disagree`);
  return names;
}

const exact = { accepted: 201, applied: 101, duplicate: 100 };

test('adds up', () => {
  expect(wrong(exact)).toEqual([]);
  expect(wrong({ accepted: 201, applied: 61, unchanged: 40, duplicate: 100 })).toEqual([]);
});

test('an item too few, one too many, one without verdict', () => {
  expect(wrong({ accepted: 200, applied: 100, duplicate: 100 })).toEqual(['balance: accepted', 'balance: stored']);
  expect(wrong({ accepted: 202, applied: 102, duplicate: 100 })).toEqual(['balance: accepted', 'balance: stored']);
  expect(wrong({ ...exact, applied: 100 })).toEqual(['balance: stored']);
});

test('an event that was sent again and stored again', () => {
  expect(wrong({ accepted: 201, applied: 102, duplicate: 99 })).toEqual(['balance: duplicate']);
});

test('an item that was refused when it was applied', () => {
  expect(wrong({ ...exact, applied: 100, rejected: 1 })).toEqual(['balance: rejected']);
});

test('an answer that counts fewer items than were sent', () => {
  const counts = tally();
  counts.started({ call: 'single_event', items: 1, body: '', again: false });
  expect(wrong(exact, { tally: counts })).toEqual(['answers: accepted + rejected']);
});

test('copies of requests whose answer was lost are allowed, as duplicates, and no more than were sent', () => {
  const lost = { itemsSentAgain: 100 };
  expect(wrong({ accepted: 301, applied: 101, duplicate: 200 }, { stats: lost })).toEqual([]);
  expect(wrong({ accepted: 301, applied: 201, duplicate: 100 }, { stats: lost })).toEqual(['balance: duplicate']);
  expect(wrong({ accepted: 302, applied: 101, duplicate: 201 }, { stats: lost })).toContain('balance: accepted');
  // Without a key a copy is an item like any other.
  expect(wrong({ accepted: 301, applied: 201, duplicate: 100 }, { stats: lost, KEYS: false })).toEqual([]);
});

test('latency is per call, and of the window since the last look', () => {
  const counts = tally();
  expect(counts.latency('single_upsert')?.max).toBeCloseTo(5, 1);
  expect(counts.latency('event_batch')?.max).toBeCloseTo(20, 1);
  expect(counts.latency('single_event')).toBeNull();
  expect(counts.latency()?.p50).toBeCloseTo(10, 1);
  expect(counts.takeWindow()?.max).toBeCloseTo(20, 1);
  expect(counts.takeWindow()).toBeNull();
  expect(counts.steadyLatency()).toBeNull();
  counts.beginSteady();
  counts.acknowledged({ call: 'single_event', items: 1, body: '', again: false }, { accepted: 1, rejected: 0 }, 3);
  expect(counts.steadyLatency()?.max).toBeCloseTo(3, 1);
});
