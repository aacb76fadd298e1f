import { describe, expect, test } from 'vitest';
import { judgeLiveness, type QueueSample, STUCK_AFTER_MS } from './watchdog.ts';

const now = 1_000_000;
const sample = (more: Partial<QueueSample>): QueueSample => ({ queue: 'q', waiting: 0, active: 0, lastTakenAt: 0, ...more });

describe('judgeLiveness: "false when a queue has work and nothing consumes it"', () => {
  test.each([
    ['nothing waits, for however long', sample({}), true],
    ['work waits and something is active', sample({ waiting: 5, active: 1 }), true],
    ['work waits since a moment ago', sample({ waiting: 5, lastTakenAt: now - STUCK_AFTER_MS }), true],
    ['work waits and nothing took it for longer', sample({ waiting: 1, lastTakenAt: now - STUCK_AFTER_MS - 1 }), false],
  ])('%s', (_, one, ok) => {
    expect(judgeLiveness([one], now)).toEqual({ ok, checks: { q: ok } });
  });

  test('one stuck queue is enough, and it is named', () => {
    const report = judgeLiveness([sample({ queue: 'a' }), sample({ queue: 'b', waiting: 1 })], now);
    expect(report).toEqual({ ok: false, checks: { a: true, b: false } });
    expect(judgeLiveness([], now).ok).toBe(true);
  });
});
