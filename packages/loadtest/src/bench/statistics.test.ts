import { expect, test } from 'vitest';
import { median, mediansByKey, quantile, ratios, spread } from './statistics.ts';

test('the median is the middle value, or the mean of the two in the middle', () => {
  expect(median([3])).toBe(3);
  expect(median([30, 1, 2])).toBe(2);
  expect(median([10, 1, 2, 4])).toBe(3);
  // As numbers, not as text.
  expect(median([9, 10, 100])).toBe(10);
  expect(() => median([])).toThrow(RangeError);
});

test('taking the median leaves the values as they are', () => {
  const values = [3, 1, 2];
  expect(spread(values)).toEqual({ median: 2, min: 1, max: 3 });
  expect(values).toEqual([3, 1, 2]);
});

test('ratios are of each round: a slow moment of the machine does not show', () => {
  const rounds = [
    { system: 50, baseline: 100 },
    { system: 5, baseline: 10 },
    { system: 60, baseline: 100 },
  ];
  expect(ratios(rounds)).toEqual({ median: 0.5, min: 0.5, max: 0.6 });
});

test('medians by key leave out the records without it', () => {
  expect(mediansByKey([{ a: 1, b: 10 }, { a: 3 }, { a: 2, b: 20 }])).toEqual({ a: 2, b: 15 });
  expect(mediansByKey([])).toEqual({});
});

test('a quantile is a value that occurred: the smallest that the share does not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect([0, 0.5, 0.95, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([1, 50, 95, 99, 100]);
  expect(quantile([7], 0.95)).toBe(7);
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});
