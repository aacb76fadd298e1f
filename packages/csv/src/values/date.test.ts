import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DateOrder, dateEvidence, parseDate } from './date.ts';

const read = (text: string, order: DateOrder | null = null, zone = 'Europe/Berlin'): string => {
  const result = parseDate(text, order, zone);
  return result.ok ? result.iso : result.code;
};

describe('dates', () => {
  test.each([
    ['2024-03-05', '2024-03-04T23:00:00.000Z'],
    ['2024/3/5', '2024-03-04T23:00:00.000Z'],
    ['2024.03.05', '2024-03-04T23:00:00.000Z'],
    ['2024-03-05T10:00:00Z', '2024-03-05T10:00:00.000Z'],
    ['2024-03-05 10:00:00', '2024-03-05T09:00:00.000Z'],
    ['2024-03-05T10:00', '2024-03-05T09:00:00.000Z'],
    ['2024-03-05 10:00:00.123', '2024-03-05T09:00:00.123Z'],
    ['2024-03-05 10:00:00 UTC', '2024-03-05T10:00:00.000Z'],
    ['2024-03-05 10:00:00 +0200', '2024-03-05T08:00:00.000Z'],
    ['05.03.2024', '2024-03-04T23:00:00.000Z'],
    ['5.3.2024 14:30', '2024-03-05T13:30:00.000Z'],
    ['25/12/2024', '2024-12-24T23:00:00.000Z'],
    ['12/25/2024', '2024-12-24T23:00:00.000Z'],
    ['12/25/2024 2:30 PM', '2024-12-25T13:30:00.000Z'],
    ['12/25/2024, 12:05:09 AM', '2024-12-24T23:05:09.000Z'],
    ['4/4/2024', '2024-04-03T22:00:00.000Z'],
    ['5 Mar 2024', '2024-03-04T23:00:00.000Z'],
    ['05-Mar-2024', '2024-03-04T23:00:00.000Z'],
    ['March 5, 2024', '2024-03-04T23:00:00.000Z'],
    ['Sept 5th, 2024 at 3:04 pm', '2024-09-05T13:04:00.000Z'],
  ])('common date formats: %s', (text, iso) => {
    expect(read(text)).toBe(iso);
  });

  test('an ambiguous day/month order is asked for, never guessed', () => {
    for (const text of ['03/04/2024', '3-4-2024', '03/04/2024 10:00']) expect(read(text)).toBe('ambiguous_date');
    expect(read('03/04/2024', 'dmy', 'UTC')).toBe('2024-04-03T00:00:00.000Z');
    expect(read('03/04/2024', 'mdy', 'UTC')).toBe('2024-03-04T00:00:00.000Z');
    expect(read('03.04.2024', 'mdy', 'UTC')).toBe('2024-03-04T00:00:00.000Z');
    expect(read('2024-04-03', 'dmy', 'UTC')).toBe('2024-04-03T00:00:00.000Z');
    expect(read('25/12/2024', 'mdy')).toBe('invalid_datetime');
    expect(read('12/25/2024', 'dmy')).toBe('invalid_datetime');
  });

  test('evidence is a number above 12, and no contradiction', () => {
    expect(dateEvidence(['03/04/2024', '25/04/2024'])).toBe('dmy');
    expect(dateEvidence(['03/04/2024', '04-25-2024 10:00'])).toBe('mdy');
    expect(dateEvidence(['03/04/2024', '04/04/2024', '2024-12-25', '25.12.2024', 'x'])).toBeNull();
    expect(dateEvidence(['25/04/2024', '04/25/2024'])).toBeNull();
  });

  test('local times where DST turns: twice means the first, skipped ones are moved on', () => {
    expect(read('2024-10-27 02:30:00')).toBe('2024-10-27T00:30:00.000Z');
    expect(read('2024-03-31 02:30:00')).toBe('2024-03-31T01:30:00.000Z');
    expect(read('2024-07-01 00:00', null, 'America/New_York')).toBe('2024-07-01T04:00:00.000Z');
  });

  test.each([
    ...['', 'yesterday', '2024', '05.03.24', '1/2/24', '45321', '1709600000', '30.02.2024', '2023-02-29', '32.01.2024', '00.01.2024'],
    ...[
      '05.03-2024',
      '5 Foo 2024',
      '5.3.2024 25:00',
      '5.3.2024 10:60',
      '5.3.2024 13:00 PM',
      '5.3.2024 10',
      '01.01.1899',
      '1.1.2300',
      'x'.repeat(10_000),
    ],
    ...['2024-03-05T10:00:00 CEST', 'Mayor 5, 2024', '5.3.20240'],
  ])('anything else is no date: %j', (text) => {
    expect(read(text)).toBe('invalid_datetime');
  });

  test('property: every instant to the second reads back in every form', () => {
    const second = fc.integer({ min: Date.UTC(1900, 0, 2) / 1000, max: Date.UTC(2299, 11, 30) / 1000 });
    fc.assert(
      fc.property(second, (s) => {
        const iso = new Date(s * 1000).toISOString();
        const [year, month, day] = iso.slice(0, 10).split('-');
        const clock = iso.slice(11, 19);
        expect(read(`${day}.${month}.${year} ${clock}`, null, 'UTC')).toBe(iso);
        expect(read(`${day}/${month}/${year} ${clock}`, 'dmy', 'UTC')).toBe(iso);
        expect(read(`${month}/${day}/${year} ${clock}`, 'mdy', 'UTC')).toBe(iso);
        expect(read(`${year}-${month}-${day} ${clock}`, null, 'UTC')).toBe(iso);
      }),
    );
  });

  test('property: never throws', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9TZAPMampr:./ ,+-]{0,40}$/), (text) => {
        parseDate(text, null, 'Europe/Berlin');
      }),
      { numRuns: 2000 },
    );
  });
});
