import { expect, it } from 'vitest';
import { infoNumber, judge, type Sample } from './guard.ts';

const limits = { maxWaitingJobs: 100, maxUndelivered: 50, redisHighWater: 0.6 };
const sample = (change: { used?: number; max?: number; waiting?: number; rows?: number | null }): Sample => ({
  redis: {
    usedBytes: change.used ?? 0,
    maxBytes: change.max ?? 1_000,
    depths: [{ queue: 'profiles-0', waiting: change.waiting ?? 0, active: 0, oldestMs: null }],
  },
  undelivered: change.rows === null ? null : { rows: change.rows ?? 0, oldestSeconds: 0 },
});

it('closes intake above each mark', () => {
  expect(judge(sample({}), limits)).toBe('open');
  expect(judge(sample({ used: 600 }), limits)).toBe('open');
  expect(judge(sample({ used: 601 }), limits)).toBe('over_capacity');
  expect(judge(sample({ used: 5_000, max: 0 }), limits)).toBe('open');
  expect(judge(sample({ waiting: 101 }), limits)).toBe('over_capacity');
  expect(judge(sample({ rows: 51 }), limits)).toBe('over_capacity');
});

it('needs Redis, and not Postgres', () => {
  expect(judge({ redis: null, undelivered: { rows: 0, oldestSeconds: 0 } }, limits)).toBe('queue_unavailable');
  expect(judge(sample({ rows: null }), limits)).toBe('open');
});

it("reads numbers of Redis' INFO", () => {
  expect(infoNumber('# Memory\r\nused_memory:123\r\nmaxmemory:7\r\n', 'used_memory')).toBe(123);
  expect(infoNumber('# Memory\r\n', 'maxmemory')).toBe(0);
});
