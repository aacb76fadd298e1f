/** Section 5.2 of the specification and its rulings: operators on JSON, one test for each row and sentence. */
import type { JsonValue } from '@muster/domain';
import { describe, expect, test } from 'vitest';
import { passing, passingAt, UTC } from './fixtures/build.ts';

type Operator = Parameters<typeof passing>[1];

const SCALARS: (JsonValue | undefined)[] = ['42', 42, 'true', true, false, 'Ada', '', 0, null, [42], { a: 42 }, undefined];

describe('paths', () => {
  const set = (json_path: string[], ...candidates: (JsonValue | undefined)[]) => passing('json', 'is_set', { json_path }, candidates);

  test('is_set with json_path: the whole path exists and is not JSON null', () => {
    const candidates = [{ a: { b: 0 } }, { a: { b: false } }, { a: { b: '' } }, { a: { b: [] } }, { a: { b: {} } }];
    expect(set(['a', 'b'], ...candidates, { a: { b: null } }, { a: {} }, { a: 1 }, { a: null }, {}, undefined)).toEqual(candidates);
  });

  test('is_not_set is the complement', () => {
    const candidates = [{ a: 1 }, { a: null }, {}, [1], undefined];
    expect(passing('json', 'is_not_set', { json_path: ['a'] }, candidates)).toEqual([{ a: null }, {}, [1], undefined]);
  });

  test('JSON null: not set, for a path and for the column', () => {
    expect(set(['0'], [null], [0])).toEqual([[0]]);
    expect(passing('json', 'is_set', {}, [null, undefined])).toEqual([]);
  });

  test('is_set with an empty or absent path = the column has a value', () => {
    const candidates = [{ a: 1 }, {}, [], [null], undefined];
    expect(passing('json', 'is_set', {}, candidates)).toEqual([{ a: 1 }, {}, [], [null]]);
    expect(set([], ...candidates)).toEqual([{ a: 1 }, {}, [], [null]]);
    expect(passing('json', 'is_not_set', {}, candidates)).toEqual([undefined]);
  });

  test('an all-digit path step indexes an array', () => {
    expect(passing('json', 'equals', { json_path: ['1'], string_values: ['b'] }, [['a', 'b'], ['b'], ['b', 'a']])).toEqual([['a', 'b']]);
    expect(set(['a', '0', 'b'], { a: [{ b: 1 }] }, { a: [{}, { b: 1 }] })).toEqual([{ a: [{ b: 1 }] }]);
    expect(set(['99999999999999999999'], [1, 2])).toEqual([]);
  });

  test('any other step leads nowhere on an array', () => {
    for (const step of ['length', '-1', '1.0', '', ' 0', '٠']) expect(set([step], [1, 2])).toEqual([]);
  });

  test('on an object an all-digit step is a key', () => {
    expect(set(['0'], { 0: 'x' }, { 1: 'x' }, ['x'])).toEqual([{ 0: 'x' }, ['x']]);
  });

  test('a step into a scalar leads nowhere', () => {
    expect(set(['a', '0'], { a: 'text' }, { a: 5 }, { a: true })).toEqual([]);
    expect(set(['a', 'length'], { a: 'text' })).toEqual([]);
  });

  test('keys are taken as they are, and only those that are there', () => {
    for (const key of ["it's", 'say "hi"', 'x.y', 'sp ace', '', 'back\\slash', '$', '[0]', 'ключ', '😀']) {
      expect(set([key], { [key]: 1 }, { other: 1 })).toEqual([{ [key]: 1 }]);
    }
    expect(set(['x', 'y'], { 'x.y': 1 })).toEqual([]);
    expect(set(['A'], { a: 1 })).toEqual([]);
    for (const key of ['toString', 'hasOwnProperty', 'valueOf']) expect(set([key], {})).toEqual([]);
  });
});

describe('equals and contains', () => {
  const equals = (values: { string_values?: string[]; number_values?: number[] }, operator: Operator = 'equals') =>
    passingAt(operator, values, SCALARS);

  test('equals: a value in string_values matches a JSON string only; true/false match as strings', () => {
    expect(equals({ string_values: ['42'] })).toEqual(['42']);
    expect(equals({ string_values: ['Ada', ''] })).toEqual(['Ada', '']);
    expect(equals({ string_values: ['ada'] })).toEqual([]);
    expect(equals({ string_values: ['true'] })).toEqual(['true', true]);
    expect(equals({ string_values: ['false'] })).toEqual([false]);
    expect(equals({ string_values: ['null', '[42]', 'undefined'] })).toEqual([]);
  });

  test('equals: one in number_values matches a JSON number only', () => {
    expect(equals({ number_values: [42, 1] })).toEqual([42]);
    expect(equals({ number_values: [-0] })).toEqual([0]);
    expect(passingAt('equals', { number_values: [1e20, 2 ** 53] }, [JSON.parse('100000000000000000000'), 2 ** 53, 2 ** 53 + 2])).toEqual([
      1e20,
      2 ** 53,
    ]);
  });

  test('equals: any of, texts and numbers together', () => {
    expect(equals({ string_values: ['Ada', 'true'], number_values: [0] })).toEqual(['true', true, 'Ada', 0]);
  });

  test('not_equals on JSON = exact complement', () => {
    expect(equals({ string_values: ['true'], number_values: [42] }, 'not_equals')).toEqual(
      SCALARS.filter((value) => value !== true && value !== 'true' && value !== 42),
    );
  });

  test('contains: case-insensitive literal substring, of strings and booleans only', () => {
    expect(passingAt('contains', { string_values: ['4'] }, SCALARS)).toEqual(['42']);
    expect(passingAt('contains', { string_values: ['RU'] }, SCALARS)).toEqual(['true', true]);
    expect(passingAt('contains', { string_values: ['aLS', 'dA'] }, SCALARS)).toEqual([false, 'Ada']);
    expect(passingAt('contains', { string_values: ['%'] }, ['50%', 'fifty'])).toEqual(['50%']);
    expect(passingAt('contains', { string_values: ['null'] }, SCALARS)).toEqual([]);
  });

  test('not_contains is its complement', () => {
    const others = SCALARS.filter((value) => value !== '42');
    expect(passingAt('not_contains', { string_values: ['4'] }, SCALARS)).toEqual(others);
  });
});

describe('numbers', () => {
  const candidates: (JsonValue | undefined)[] = [1, 2, 2.5, 1e21, '3', true, null, [3], {}, undefined];

  test.each([
    ['gt', [2.5, 1e21]],
    ['gte', [2, 2.5, 1e21]],
    ['lt', [1]],
    ['lte', [1, 2]],
  ] as const)('a number operator on a non-number does not match: %s', (operator, expected) => {
    expect(passingAt(operator, { number_values: [2] }, candidates)).toEqual(expected);
  });
});

describe('times', () => {
  const berlin = { ...UTC, timezone: 'Europe/Berlin' };

  test('a time operator on a non-time does not match, and its negation does', () => {
    const times = ['2026-06-15T10:00:00Z', '2026-06-15t10:00:00.5z', '2026-06-15 12:00:00+02:00', '2026-06-15'];
    const others: (JsonValue | undefined)[] = [
      ...[
        '2026-06-15T10:00:00',
        '2026-06-15T10:00Z',
        '15.06.2026',
        '2026-6-15',
        '2026-02-30',
        '2026-06-15T25:00:00Z',
        '',
        'soon',
        '1781517600000',
      ],
      ...['2026-06-15T10:00:00+0200', ' 2026-06-15', '2026-06-15Z', '2300-01-01', '1899-12-31', '2300-01-01T00:00:00Z', '0000-00-00'],
      ...[1781517600000, true, null, ['2026-06-15'], { a: '2026-06-15' }, undefined],
    ];
    const range = { string_values: ['1900-01-02', '2299-12-30'] };
    expect(passingAt('in_date_range', range, [...times, ...others])).toEqual(times);
    expect(passingAt('not_in_date_range', range, [...times, ...others])).toEqual(others);
    expect(passingAt('after_date', { string_values: ['1900-01-02'] }, others)).toEqual([]);
    expect(passingAt('before_date', { string_values: ['2299-12-30'] }, others)).toEqual([]);
  });

  test('a seconds value of 60 is not a time', () => {
    const candidates = ['2016-12-31T23:59:60Z', '2016-12-31T23:59:60.5Z', '2017-01-01T00:59:60+01:00', '2016-12-31T23:59:59Z'];
    expect(passingAt('in_date_range', { string_values: ['2016-12-31', '2017-01-02'] }, candidates)).toEqual(['2016-12-31T23:59:59Z']);
  });

  test('an existing YYYY-MM-DD stands for the first instant of that local day in the segment’s timezone', () => {
    const first = '2026-06-14T22:00:00.000Z';
    expect(passingAt('in_date_range', { string_values: [first, first] }, ['2026-06-15', '2026-06-14', '2026-06-31'], berlin)).toEqual([
      '2026-06-15',
    ]);
    expect(passingAt('before_date', { string_values: [first] }, ['2026-06-15', '2026-06-14'], berlin)).toEqual(['2026-06-14']);
    // Midnight of this day does not exist: its first instant is 03:00 UTC all the same.
    const skipped = { ...UTC, timezone: 'America/Sao_Paulo' };
    const start = '2018-11-04T03:00:00.000Z';
    expect(passingAt('in_date_range', { string_values: [start, start] }, ['2018-11-04', '2018-11-05'], skipped)).toEqual(['2018-11-04']);
  });

  test('strictly before / strictly after; a local day as a value', () => {
    const edges = ['2026-06-14T21:59:59.999Z', '2026-06-15T00:00:00+02:00', '2026-06-15T21:59:59.999Z', '2026-06-15T22:00:00Z'];
    expect(passingAt('before_date', { string_values: ['2026-06-15'] }, edges, berlin)).toEqual(edges.slice(0, 1));
    expect(passingAt('in_date_range', { string_values: ['2026-06-15', '2026-06-15'] }, edges, berlin)).toEqual(edges.slice(1, 3));
    expect(passingAt('after_date', { string_values: ['2026-06-15'] }, edges, berlin)).toEqual(edges.slice(3));
  });

  test('years 1900..2299', () => {
    const candidates = ['1900-01-01T00:00:00Z', '2299-12-31T23:59:59.999Z', '1900-01-01', '2299-12-31'];
    expect(passingAt('in_date_range', { string_values: ['1900-01-01', '2299-12-31'] }, candidates)).toEqual(candidates);
  });

  test('finer fractions are cut to the millisecond', () => {
    const end = { string_values: ['2026-06-15T10:00:00.000Z', '2026-06-15T10:00:00.000Z'] };
    expect(passingAt('in_date_range', end, ['2026-06-15T10:00:00.0009Z', '2026-06-15T10:00:00.0010Z'])).toEqual([
      '2026-06-15T10:00:00.0009Z',
    ]);
  });
});

describe('in_array', () => {
  test('the array at the path contains one of the values', () => {
    const candidates: (JsonValue | undefined)[] = [['a', 'b'], ['A'], [1], ['1'], [true], [[1]], [null], [], 'a', { a: 'a' }, undefined];
    expect(passingAt('in_array', { string_values: ['a', 'c'] }, candidates)).toEqual([['a', 'b']]);
    expect(passingAt('in_array', { number_values: [1, 2] }, candidates)).toEqual([[1]]);
    expect(passingAt('in_array', { string_values: ['true'] }, candidates)).toEqual([[true]]);
    expect(passingAt('in_array', { string_values: ['1'], number_values: [1] }, candidates)).toEqual([[1], ['1']]);
    expect(passingAt('in_array', { string_values: ['null', ''] }, candidates)).toEqual([]);
  });

  test('with path []: the column itself', () => {
    const candidates = [['a'], { 0: 'a' }, undefined];
    expect(passing('json', 'in_array', { json_path: [], string_values: ['a'] }, candidates)).toEqual([['a']]);
  });
});
