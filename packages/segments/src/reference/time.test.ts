/** Section 5.2 of the specification: operators on times, one test for each row and sentence; edges to the millisecond. */
import { describe, expect, test } from 'vitest';
import { DAY, iso, NOW, passing } from './fixtures/build.ts';

type Operator = Parameters<typeof passing>[1];

/** Which of the instants pass, as ISO texts. */
function times(operator: Operator, string_values: string[], candidates: readonly (string | undefined)[], timezone = 'UTC', now = NOW) {
  return passing('time', operator, { string_values }, candidates, { now, timezone });
}

/** The instants `from` ≤ t < `to` are those that pass: asks just around both ends. */
function expectSpan(timezone: string, day: string, from: string, to: string) {
  const edges = [Date.parse(from) - 1, Date.parse(from), Date.parse(to) - 1, Date.parse(to)].map(iso);
  const [before, first, last, after] = edges;
  expect(times('in_date_range', [day, day], edges, timezone)).toEqual([first, last]);
  expect(times('not_in_date_range', [day, day], edges, timezone)).toEqual([before, after]);
  expect(times('before_date', [day], edges, timezone)).toEqual([before]);
  expect(times('after_date', [day], edges, timezone)).toEqual([after]);
}

/** 2026-06-15T10:00:00Z and its neighbours. */
const [JUST_BEFORE, TEN, JUST_AFTER] = ['2026-06-15T09:59:59.999Z', '2026-06-15T10:00:00.000Z', '2026-06-15T10:00:00.001Z'];
const AROUND_TEN = [JUST_BEFORE, TEN, JUST_AFTER, undefined];

describe('dates', () => {
  test('before_date / after_date: strictly before / strictly after the instant', () => {
    expect(times('before_date', [TEN], AROUND_TEN)).toEqual([JUST_BEFORE]);
    expect(times('after_date', [TEN], AROUND_TEN)).toEqual([JUST_AFTER]);
  });

  test('values are RFC 3339: the offset says which instant, also one without milliseconds', () => {
    expect(times('after_date', ['2026-06-15T12:00:00+02:00'], AROUND_TEN)).toEqual([JUST_AFTER]);
    expect(times('before_date', ['2026-06-15t04:30:00.000-05:30'], AROUND_TEN)).toEqual([JUST_BEFORE]);
  });

  test('a YYYY-MM-DD means that whole local day (before its start / after its end)', () => {
    expectSpan('UTC', '2026-06-15', '2026-06-15T00:00:00Z', '2026-06-16T00:00:00Z');
    expectSpan('Asia/Kolkata', '2026-06-15', '2026-06-14T18:30:00Z', '2026-06-15T18:30:00Z');
    expectSpan('America/New_York', '2026-06-15', '2026-06-15T04:00:00Z', '2026-06-16T04:00:00Z');
    expectSpan('Pacific/Kiritimati', '2026-06-15', '2026-06-14T10:00:00Z', '2026-06-15T10:00:00Z');
  });

  test('local days: from their first instant to the first of the next, also where DST shortens or lengthens them', () => {
    expectSpan('Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'); // 23 h
    expectSpan('Europe/Berlin', '2026-10-25', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'); // 25 h
    expectSpan('Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30:00Z', '2026-10-04T13:00:00Z'); // 23.5 h
    expectSpan('America/Sao_Paulo', '2018-11-03', '2018-11-03T03:00:00Z', '2018-11-04T03:00:00Z');
  });

  test('midnight that DST skips: first instant of that local day', () => {
    // 00:00 … 00:59 do not exist on this day: it starts at 01:00 -02:00.
    expectSpan('America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00Z', '2018-11-05T02:00:00Z');
  });

  test('a day that a zone skipped altogether holds nothing', () => {
    const edges = ['2011-12-30T09:59:59.999Z', '2011-12-30T10:00:00.000Z'];
    expect(times('before_date', ['2011-12-30'], edges, 'Pacific/Apia')).toEqual([edges[0]]);
    expect(times('after_date', ['2011-12-30'], edges, 'Pacific/Apia')).toEqual([edges[1]]);
    expectSpan('Pacific/Apia', '2011-12-29', '2011-12-29T10:00:00Z', '2011-12-30T10:00:00Z');
    expectSpan('Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00Z', '2011-12-31T10:00:00Z');
  });

  test('in_date_range: both ends inclusive', () => {
    const end = '2026-06-15T10:00:00.001Z';
    expect(times('in_date_range', [TEN, end], [...AROUND_TEN, '2026-06-15T10:00:00.002Z'])).toEqual([TEN, JUST_AFTER]);
    expect(times('in_date_range', [TEN, TEN], AROUND_TEN)).toEqual([TEN]);
  });

  test('in_date_range: a YYYY-MM-DD end includes that whole local day', () => {
    const edges = ['2026-06-16T21:59:59.999Z', '2026-06-16T22:00:00.000Z'];
    expect(times('in_date_range', [TEN, '2026-06-16'], edges, 'Europe/Berlin')).toEqual([edges[0]]);
  });

  test('not_in_date_range matches also those without a value', () => {
    expect(times('not_in_date_range', [TEN, TEN], AROUND_TEN)).toEqual([JUST_BEFORE, JUST_AFTER, undefined]);
  });

  test('before_date, after_date: without a value nothing matches', () => {
    expect(times('before_date', ['2299-01-01'], [undefined])).toEqual([]);
    expect(times('after_date', ['1900-01-02'], [undefined])).toEqual([]);
  });
});

describe('days from now', () => {
  const at = (days: number, more = 0) => iso(NOW + days * DAY + more);

  test('in_the_last_days: now − N×24 h < t ≤ now; a future time is not in the last days', () => {
    const edges = [at(-7), at(-7, 1), at(0), at(0, 1), undefined];
    expect(times('in_the_last_days', ['7'], edges)).toEqual([at(-7, 1), at(0)]);
  });

  test('not_in_the_last_days is the complement, with future times and those without a value', () => {
    expect(times('not_in_the_last_days', ['7'], [at(-7), at(-7, 1), at(0), at(0, 1), undefined])).toEqual([at(-7), at(0, 1), undefined]);
  });

  test('N a positive number, fractions allowed (0.5 = 12 h)', () => {
    expect(times('in_the_last_days', ['0.5'], [at(-0.5), at(-0.5, 1)])).toEqual([at(-0.5, 1)]);
    expect(times('in_the_last_days', ['0.00000002'], [at(0, -2), at(0, -1)])).toEqual([at(0, -1)]); // 1.7 ms, rounded
  });

  test('days are 24 h, also across DST', () => {
    const now = Date.parse('2026-03-29T12:00:00Z');
    const edges = [iso(now - DAY), iso(now - DAY + 1)];
    expect(times('in_the_last_days', ['1'], edges, 'Europe/Berlin', now)).toEqual([edges[1]]);
  });

  test('between_days_ago: now − N×24 h < t ≤ now − M×24 h', () => {
    const edges = [at(-7), at(-7, 1), at(-2), at(-2, 1), at(0), undefined];
    expect(times('between_days_ago', ['7', '2'], edges)).toEqual([at(-7, 1), at(-2)]);
    expect(times('between_days_ago', ['7', '0'], edges)).toEqual([at(-7, 1), at(-2), at(-2, 1), at(0)]);
  });

  test('in_the_next_days: now < t ≤ now + N×24 h', () => {
    expect(times('in_the_next_days', ['1'], [at(0), at(0, 1), at(1), at(1, 1), undefined])).toEqual([at(0, 1), at(1)]);
  });

  test('dates and numbers of days alike in string_values (["7"]); numbers in number_values are accepted for days too', () => {
    const edges = [at(-7), at(-7, 1), at(-0.5)];
    expect(passing('time', 'in_the_last_days', { number_values: [7] }, edges)).toEqual([at(-7, 1), at(-0.5)]);
    expect(passing('time', 'between_days_ago', { number_values: [7, 0.75] }, edges)).toEqual([at(-7, 1)]);
    expect(passing('time', 'in_the_last_days', { string_values: [], number_values: [7] }, edges)).toEqual([at(-7, 1), at(-0.5)]);
  });

  test('is_set / is_not_set', () => {
    expect(passing('time', 'is_set', {}, [at(0), undefined])).toEqual([at(0)]);
    expect(passing('time', 'is_not_set', {}, [at(0), undefined])).toEqual([undefined]);
  });
});

describe('anniversary_in_the_next_days', () => {
  const born = (day: string, clock = '12:00:00.000') => `${day}T${clock}Z`;
  const around = (now: string, days: string, candidates: string[], timezone = 'UTC') =>
    times('anniversary_in_the_next_days', [days], candidates, timezone, Date.parse(now));

  test('month and day fall within today … today + N days', () => {
    const days = ['1990-06-14', '1990-06-15', '1990-06-16', '1985-06-17', '2030-06-17', '1990-06-18'].map((day) => born(day));
    expect(around('2026-06-15T23:59:59.999Z', '2', days)).toEqual(days.slice(1, 5));
    expect(passing('time', 'anniversary_in_the_next_days', { string_values: ['2'] }, [undefined])).toEqual([]);
  });

  test('the window is one of calendar days: a fraction of a day adds none', () => {
    const days = [born('1990-06-15'), born('1990-06-16'), born('1990-06-17')];
    expect(around('2026-06-15T12:00:00Z', '0.5', days)).toEqual(days.slice(0, 1));
    expect(around('2026-06-15T12:00:00Z', '1.9', days)).toEqual(days.slice(0, 2));
  });

  test('the window goes on over the end of the year', () => {
    const days = [born('1990-12-30'), born('1990-12-31'), born('1990-01-01'), born('1990-01-02')];
    expect(around('2026-12-31T12:00:00Z', '1', days)).toEqual(days.slice(1, 3));
  });

  test('in the segment’s timezone, today as well as the date itself', () => {
    // The 15th in New York until 04:00 UTC of the 16th.
    const candidates = [born('1990-06-15', '03:59:59.999'), born('1990-06-15', '04:00:00.000'), born('1990-06-16', '03:59:59.999')];
    expect(around('2026-06-16T03:59:59.999Z', '0.5', candidates, 'America/New_York')).toEqual(candidates.slice(1));
    expect(around('2026-06-16T04:00:00.000Z', '0.5', candidates, 'America/New_York')).toEqual([]);
  });

  test('29 February counts as 28 in other years', () => {
    const leap = [born('2000-02-29')];
    expect(around('2026-02-28T12:00:00Z', '0.5', leap)).toEqual(leap);
    expect(around('2026-03-01T12:00:00Z', '0.5', leap)).toEqual([]);
    expect(around('2028-02-28T12:00:00Z', '0.5', leap)).toEqual([]);
    expect(around('2028-02-28T12:00:00Z', '1', leap)).toEqual(leap);
    expect(around('2028-02-29T12:00:00Z', '0.5', leap)).toEqual(leap);
    expect(around('2100-02-28T12:00:00Z', '0.5', leap)).toEqual(leap);
  });

  test('28 February itself has its day in every year', () => {
    const day = [born('2001-02-28')];
    expect(around('2028-02-28T12:00:00Z', '0.5', day)).toEqual(day);
    expect(around('2028-02-29T12:00:00Z', '0.5', day)).toEqual([]);
  });

  test('N of a year and more holds every date', () => {
    const days = [born('1990-06-14'), born('2000-02-29'), born('1990-06-15')];
    expect(around('2026-06-15T12:00:00Z', '366', days)).toEqual(days);
    expect(around('2026-06-15T12:00:00Z', '363', days)).toEqual(days.slice(1));
    expect(around('2026-06-15T12:00:00Z', '36525', days)).toEqual(days);
  });
});
