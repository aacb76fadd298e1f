import { expect, it } from 'vitest';
import { RateLimiter } from './rate-limit.ts';

it('lets a batch go into debt and makes the key wait for it', () => {
  let now = 0;
  const limiter = new RateLimiter(() => now);
  limiter.check(1, 10);
  limiter.charge(1, 10, 35);
  expect(() => limiter.check(1, 10)).toThrow(expect.objectContaining({ status: 429, headers: { 'retry-after': '3' } }));
  now = 2_400;
  expect(() => limiter.check(1, 10)).toThrow();
  now = 2_600;
  limiter.check(1, 10);
  limiter.check(2, 10);
  limiter.check(1, null);
});
