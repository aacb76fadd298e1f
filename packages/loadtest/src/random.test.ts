import { expect, test } from 'vitest';
import { random, weighted } from './random.ts';

test('the numbers of an item depend on seed, stream and index alone', () => {
  const three = (seed: number, stream: string, index: number) => {
    const r = random(seed, stream, index);
    return [r.next(), r.next(), r.next()];
  };
  expect(three(1, 'a', 5)).toEqual(three(1, 'a', 5));
  const seen = new Set([three(1, 'a', 5), three(2, 'a', 5), three(1, 'b', 5), three(1, 'a', 6)].map(String));
  expect(seen.size).toBe(4);
});

test('numbers are spread evenly over the items', () => {
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 20_000; i += 1) {
    const at = random(42, 'spread', i).int(10);
    tenths[at] = (tenths[at] ?? 0) + 1;
  }
  for (const n of tenths) expect(Math.abs(n - 2_000)).toBeLessThan(200);
});

test('weighted choices follow their shares', () => {
  let often = 0;
  for (let i = 0; i < 10_000; i += 1) if (weighted(random(1, 'w', i), { often: 9, seldom: 1 }) === 'often') often += 1;
  expect(often / 10_000).toBeGreaterThan(0.88);
  expect(often / 10_000).toBeLessThan(0.92);
});
