import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalTimeZone, isTimeZone, localDayOf, localDayStart, nextDay, zoneOffsetMs } from './timezone.ts';

const start = (zone: string, day: string): string => new Date(localDayStart(zone, day)).toISOString();

describe('time zones', () => {
  test.each([
    ...['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Calcutta', 'Europe/Kyiv', 'US/Pacific', 'Etc/GMT+5', 'GMT', 'EST5EDT'],
    ...['America/Argentina/Buenos_Aires', 'America/Port-au-Prince'],
  ])('timezone: IANA name, links too: %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
    expect(canonicalTimeZone(name)).toBe(name);
  });

  test.each(['', 'Berlin', 'CEST', '+02:00', '-05', 'GMT+2', 'Europe/Atlantis', 'Europe/Berlin ', '../etc/passwd', 'Z', '2'])(
    'timezone: not an IANA name: %j',
    (name) => {
      expect(isTimeZone(name)).toBe(false);
      expect(isTimeZone(name)).toBe(false);
    },
  );

  test('letter case is corrected, links keep their own name', () => {
    expect(canonicalTimeZone('europe/berlin')).toBe('Europe/Berlin');
    expect(canonicalTimeZone('Europe/Kyiv')).toBe('Europe/Kyiv');
  });

  test('a flood of unknown names is answered and does not grow without bound', () => {
    for (let i = 0; i < 6_000; i++) expect(isTimeZone(`Nowhere/N${i}`)).toBe(false);
    expect(isTimeZone('Europe/Berlin')).toBe(true);
  });

  test.each([
    ['Europe/Berlin', '2024-03-31', '2024-03-30T23:00:00.000Z'],
    ['Europe/Berlin', '2024-04-01', '2024-03-31T22:00:00.000Z'],
    ['Europe/Berlin', '2024-10-27', '2024-10-26T22:00:00.000Z'],
    ['Asia/Kathmandu', '2024-01-01', '2023-12-31T18:15:00.000Z'],
    ['Pacific/Kiritimati', '2024-01-01', '2023-12-31T10:00:00.000Z'],
    ['Etc/GMT+12', '2024-01-01', '2024-01-01T12:00:00.000Z'],
  ])('local days start at their first instant: %s %s', (zone, day, expected) => {
    expect(start(zone, day)).toBe(expected);
  });

  test.each([
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
    ['America/Asuncion', '2023-10-01', '2023-10-01T04:00:00.000Z'],
    ['Asia/Beirut', '2024-03-31', '2024-03-30T22:00:00.000Z'],
    ['America/Havana', '2024-03-10', '2024-03-10T05:00:00.000Z'],
  ])('midnight that DST skips = first instant of that local day: %s %s', (zone, day, expected) => {
    expect(start(zone, day)).toBe(expected);
    const ms = localDayStart(zone, day);
    expect(localDayOf(zone, ms)).toBe(day);
    expect(localDayOf(zone, ms - 1)).not.toBe(day);
  });

  test('midnight that comes twice: the first one', () => {
    expect(start('America/Havana', '2024-11-03')).toBe('2024-11-03T04:00:00.000Z');
  });

  test('a day that a zone skipped starts with the next one', () => {
    expect(start('Pacific/Apia', '2011-12-30')).toBe(start('Pacific/Apia', '2011-12-31'));
    expect(start('Pacific/Apia', '2011-12-31')).toBe('2011-12-30T10:00:00.000Z');
  });

  test('offsets hold in winter, in summer and before 1970', () => {
    expect(zoneOffsetMs('Europe/Berlin', Date.UTC(2024, 0, 1))).toBe(3_600_000);
    expect(zoneOffsetMs('Europe/Berlin', Date.UTC(2024, 6, 1))).toBe(7_200_000);
    expect(zoneOffsetMs('Europe/Berlin', Date.UTC(1950, 0, 1) - 1)).toBe(3_600_000);
    expect(() => zoneOffsetMs('Nowhere', 0)).toThrow(RangeError);
    expect(() => localDayStart('UTC', 'soon')).toThrow(RangeError);
  });

  test('nextDay crosses months, years and leap days', () => {
    expect(nextDay('2024-02-28')).toBe('2024-02-29');
    expect(nextDay('2023-02-28')).toBe('2023-03-01');
    expect(nextDay('2023-12-31')).toBe('2024-01-01');
  });

  test('property: the day start is in the day, the instant before it is not, and days do not overlap', () => {
    const zones = [
      ...['America/Sao_Paulo', 'Europe/Berlin', 'Africa/Casablanca', 'Asia/Tehran', 'Australia/Lord_Howe', 'America/St_Johns', 'Asia/Gaza'],
      ...['America/Havana', 'Pacific/Chatham', 'Africa/Cairo', 'Asia/Amman', 'Atlantic/Azores', 'America/Scoresbysund', 'Antarctica/Troll'],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 130 * 365 }), (zone, days) => {
        const day = new Date(Date.UTC(1925, 0, 1) + days * 86_400_000).toISOString().slice(0, 10);
        const ms = localDayStart(zone, day);
        expect(localDayOf(zone, ms)).toBe(day);
        expect(localDayOf(zone, ms - 1) < day).toBe(true);
        const length = localDayStart(zone, nextDay(day)) - ms;
        expect(length).toBeGreaterThanOrEqual(20 * 3_600_000);
        expect(length).toBeLessThanOrEqual(28 * 3_600_000);
      }),
      { numRuns: 1000 },
    );
  });
});
