import { setFlagsFromString } from 'node:v8';
import { afterEach, expect, test, vi } from 'vitest';
import { withSmallHeap } from './heap.ts';

vi.mock('node:v8', () => ({ setFlagsFromString: vi.fn() }));
const flag = () => vi.mocked(setFlagsFromString).mock.lastCall?.[0];
afterEach(() => vi.clearAllMocks());

test('the heap is kept small until the last of several imports has ended', async () => {
  let end = () => {};
  const long = withSmallHeap(() => new Promise<void>((resolve) => (end = resolve)));
  expect(await withSmallHeap(async () => flag())).toBe('--heap-growing-percent=50');
  expect(flag(), 'one goes on').toBe('--heap-growing-percent=50');
  end();
  await long;
  expect(flag()).toBe('--heap-growing-percent=0');
});

test('and grows again after one that failed', async () => {
  await expect(withSmallHeap(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(flag()).toBe('--heap-growing-percent=0');
});
