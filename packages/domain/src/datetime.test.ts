import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TIME_MS, MIN_TIME_MS, parseDateTime } from './datetime.ts';

const iso = (raw: string, zone: string | null = null): string | null => {
  const result = parseDateTime(raw, zone);
  if (!result.ok) return null;
  expect(new Date(result.ms).toISOString()).toBe(result.iso);
  return result.iso;
};

describe('parseDateTime', () => {
  test.each([
    ['2024-02-29T12:34:56Z', '2024-02-29T12:34:56.000Z'],
    ['2024-02-29t12:34:56z', '2024-02-29T12:34:56.000Z'],
    ['2024-02-29 12:34:56Z', '2024-02-29T12:34:56.000Z'],
    ['2024-02-29T12:34:56.7Z', '2024-02-29T12:34:56.700Z'],
    ['2024-02-29T12:34:56.07Z', '2024-02-29T12:34:56.070Z'],
    ['2024-02-29T12:34:56.007999999Z', '2024-02-29T12:34:56.007Z'],
    ['2024-02-29T12:34:56+00:00', '2024-02-29T12:34:56.000Z'],
    ['2024-02-29T12:34:56-00:00', '2024-02-29T12:34:56.000Z'],
    ['2024-02-29T00:30:00+05:30', '2024-02-28T19:00:00.000Z'],
    ['2024-12-31T23:30:00.5-03:30', '2025-01-01T03:00:00.500Z'],
    ['1900-01-01T00:00:00Z', '1900-01-01T00:00:00.000Z'],
    ['2299-12-31T23:59:59.999Z', '2299-12-31T23:59:59.999Z'],
    ['1899-12-31T23:30:00-01:00', '1900-01-01T00:30:00.000Z'],
    ['2300-01-01T00:30:00+01:00', '2299-12-31T23:30:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
  ])('RFC 3339 with offset, stored UTC, millisecond precision: %s', (raw, expected) => {
    expect(iso(raw)).toBe(expected);
  });

  test.each([
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2017-01-01T08:59:60.5+09:00', '2017-01-01T00:00:00.500Z'],
    ['2015-06-30T16:59:60-07:00', '2015-07-01T00:00:00.000Z'],
  ])('a leap second means the second after it: %s', (raw, expected) => {
    expect(iso(raw)).toBe(expected);
  });

  test.each([
    ...['', 'now', '2024', '2024-01', '20240101', '2024-1-1T00:00:00Z', '2024-01-01T00:00Z', '2024-01-01T00:00:00', '2024-01-01T0:00:00Z'],
    ...['2023-02-29T00:00:00Z', '2023-02-30T00:00:00Z', '2024-02-30T00:00:00Z', '2100-02-29T00:00:00Z', '2024-04-31T00:00:00Z'],
    ...['2024-00-10T00:00:00Z', '2024-13-10T00:00:00Z', '2024-01-00T00:00:00Z', '2024-01-32T00:00:00Z', '0000-01-01T00:00:00Z'],
    ...['2024-01-01T24:00:00Z', '2024-01-01T00:60:00Z', '2024-01-01T00:00:61Z', '2024-01-01T00:00:60Z', '2024-01-01T23:59:60Z'],
    ...[
      '2024-01-01T00:00:00+24:00',
      '2024-01-01T00:00:00+01:60',
      '2024-01-01T00:00:00+0100',
      '2024-01-01T00:00:00+01',
      '2024-01-01T00:00:00 Z',
    ],
    ...['2024-01-01T00:00:00.Z', '2024-01-01T00:00:00,5Z', '2024-01-01T00:00:00ZZ', ' 2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z '],
    ...['2024/01/01T00:00:00Z', '2024-01-01_00:00:00Z', '+2024-01-01T00:00:00Z', '２024-01-01T00:00:00Z', '1704067200', '01/02/2024'],
    ...['1899-12-31T23:59:59Z', '2300-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '1900-01-01T00:00:00+01:00'],
    `2024-01-01T00:00:00.${'9'.repeat(100)}Z`,
  ])('non-existing and malformed times and instants outside 1900…2299 fail: %j', (raw) => {
    expect(iso(raw)).toBeNull();
    expect(iso(raw, 'UTC')).toBeNull();
  });

  test('YYYY-MM-DD = midnight in the timezone given; not allowed without one', () => {
    expect(iso('2024-03-31', 'Europe/Berlin')).toBe('2024-03-30T23:00:00.000Z');
    expect(iso('2024-07-01', 'America/New_York')).toBe('2024-07-01T04:00:00.000Z');
    expect(iso('2024-07-01', 'UTC')).toBe('2024-07-01T00:00:00.000Z');
    expect(iso('2024-07-01')).toBeNull();
    expect(iso('2023-02-30', 'Europe/Berlin')).toBeNull();
    expect(iso('1899-12-31', 'UTC')).toBeNull();
    expect(iso('2300-01-01', 'UTC')).toBeNull();
    expect(iso('2299-12-31', 'Asia/Tokyo')).toBe('2299-12-30T15:00:00.000Z');
  });

  test('midnight that DST skips: first instant of that local day', () => {
    expect(iso('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z');
    expect(iso('2024-04-26', 'Africa/Cairo')).toBe('2024-04-25T22:00:00.000Z');
  });

  test('property: every instant in range round-trips, in any offset', () => {
    fc.assert(
      fc.property(fc.integer({ min: MIN_TIME_MS, max: MAX_TIME_MS }), fc.integer({ min: -1439, max: 1439 }), (ms, offset) => {
        const utc = new Date(ms).toISOString();
        expect(iso(utc)).toBe(utc);
        const shifted = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(offset);
        const pad = (n: number): string => String(n).padStart(2, '0');
        const text = `${shifted}${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
        expect(iso(text)).toBe(utc);
      }),
    );
  });

  test('property: never throws', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9TtZz:+. -]{0,40}$/), (raw) => {
        parseDateTime(raw, 'Europe/Berlin');
      }),
      { numRuns: 2000 },
    );
  });
});
