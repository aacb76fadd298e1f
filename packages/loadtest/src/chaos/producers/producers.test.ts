import { expect, test } from 'vitest';
import { customState } from './custom-events.ts';
import { after } from './memberships.ts';
import { nextStep, noteFate, type Steps } from './record.ts';
import { refusedMs } from './sentinel.ts';

const attempt = (from: number, to: number, accepted: boolean) => ({ from, to, accepted });

test('refused: from the first refusal to the first acceptance after the last one', () => {
  const attempts = [
    attempt(0, 5, true),
    attempt(100, 300, false),
    attempt(200, 210, true),
    attempt(400, 450, false),
    attempt(500, 520, true),
    attempt(600, 610, true),
  ];
  expect(refusedMs(attempts, 50, 1_000)).toBe(420);
  expect(refusedMs(attempts, 490, 1_000)).toBe(0);
  expect(refusedMs(attempts, 0, 320)).toBe(420);
  expect(refusedMs([attempt(0, 50, false)], 0, 100)).toBe(50);
  expect(refusedMs([], 0, 100)).toBe(0);
});

test('memberships: subscribing revives nobody, a removed membership counts as none', () => {
  expect(after(null, 'subscribe')).toBe('active');
  expect(after('unsubscribed', 'subscribe')).toBe('unsubscribed');
  expect(after('unsubscribed', 'active')).toBe('active');
  expect(after('active', 'remove')).toBe(null);
  expect(after(null, 'unsubscribed')).toBe('unsubscribed');
});

test('custom events: a step says the same each time, and over the steps they move and are deleted', () => {
  const states = Array.from({ length: 100 }, (_, step) => customState('o-0-1', step));
  expect(states).toEqual(Array.from({ length: 100 }, (_, step) => customState('o-0-1', step)));
  expect(new Set(states.map(({ email }) => email)).size).toBe(3);
  expect(new Set(states.map(({ deleted }) => deleted)).size).toBe(2);
});

test('steps are numbered from 1, and those without an acknowledgement remembered', () => {
  const all = new Map<string, Steps>();
  expect([nextStep(all, 'a'), nextStep(all, 'a'), nextStep(all, 'b')]).toEqual([1, 2, 1]);
  noteFate(all, [['a', 2]], 'unknown');
  noteFate(all, [['b', 1]], 'acknowledged');
  expect(all).toEqual(
    new Map([
      ['a', { sent: 2, unknown: [2] }],
      ['b', { sent: 1, unknown: [] }],
    ]),
  );
});
