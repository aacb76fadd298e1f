import { sleep } from '@muster/runtime';
import { expect, test } from 'vitest';
import { loadLine, type Screen, soon, watch } from './watch.ts';

const counts = { requests: 10, sent: 5_000, accepted: 4_000, rejected: 2 };
const stats = { requests: 10, attempts: 12, repeated: 2, later: { 503: 7 }, lost: 3, pausedMs: 0, itemsSentAgain: 0 };
const balance = {
  ...{ accepted: 3_500, applied: 3_000, unchanged: 400, duplicate: 100, rejected: 0, parked: 0, erased: 0, cancelled: 0, waiting: 4 },
};
const window = { p50: 1.23, p90: 2, p99: 3.45, p999: 4, max: 5, mean: 1 };

test('the line tells both sides', () => {
  expect(loadLine({ total: counts, stats, window, balance })).toBe(
    'sent 5,000 accepted 4,000 rejected 2 | 429/503 0/7 | p50/p99 1.2/3.5 ms | waiting 4 chunks | stored 3,500 lag 500',
  );
  expect(loadLine({ total: counts, stats, window: null, balance: null })).toBe(
    'sent 5,000 accepted 4,000 rejected 2 | 429/503 0/7 | p50/p99 -/- ms | the balance cannot be read, 3 answers lost',
  );
});

test('a value that fails or does not come is none', async () => {
  expect(await soon(Promise.resolve(1))).toBe(1);
  expect(await soon(Promise.reject(new Error('away')))).toBeNull();
  const from = performance.now();
  expect(await soon(new Promise(() => undefined))).toBeNull();
  expect(performance.now() - from).toBeGreaterThan(1_900);
});

function screen(more: Partial<Screen>): Screen & { text: () => string } {
  let written = '';
  return { ...more, write: (text) => (written += text), text: () => written };
}

test('on a terminal the line is rewritten, never wider than it, and gone at the end', async () => {
  const tty = screen({ isTTY: true, columns: 40 });
  const stop = watch(tty, async () => 'x'.repeat(200));
  await sleep(3_500);
  await stop();
  const [before, ...lines] = tty.text().split('\r\u001b[2K');
  expect(before).toBe('');
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(lines[0]).toMatch(/^1 s \| x{33}$/);
  expect(lines.at(-1)).toBe('');
});

test('elsewhere a short run writes no line', async () => {
  const file = screen({});
  const stop = watch(file, async () => 'line');
  await sleep(200);
  await stop();
  expect(file.text()).toBe('');
});
