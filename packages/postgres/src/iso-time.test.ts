import { expect, test } from 'vitest';
import { isoTime } from './iso-time.ts';

test.each([
  ['2026-01-31 10:00:00+00', '2026-01-31T10:00:00.000Z'],
  ['2026-01-31 10:00:00.1+00', '2026-01-31T10:00:00.100Z'],
  ['1900-01-01 00:00:00.12+00', '1900-01-01T00:00:00.120Z'],
  ['2299-12-31 23:59:59.999+00', '2299-12-31T23:59:59.999Z'],
  ['2026-01-31 10:00:00.123999+00', '2026-01-31T10:00:00.123Z'],
])('%s', (text, iso) => {
  expect(isoTime(text)).toBe(iso);
  expect(new Date(isoTime(text)).toISOString()).toBe(iso);
});
