/** Section 5.2 of the specification: goals, one test for each sentence. */
import { describe, expect, test } from 'vitest';
import type { GoalLeaf } from '../schema/leaf.ts';
import { unitsOf } from './exact.ts';
import { customEvent, DAY, filter, goal, members, NOW, purchase, worldOf } from './fixtures/build.ts';

type Aggregate = GoalLeaf['aggregate_operator'];
const AGGREGATES: readonly Aggregate[] = ['sum', 'count', 'avg', 'min', 'max', 'first', 'last'];

const aggregated = (aggregate_operator: Aggregate, value: number, more: Partial<GoalLeaf> = {}) =>
  goal({ aggregate_operator, operator: 'eq', value, ...more });

describe('which events', () => {
  test('over live (not deleted) events', () => {
    const live = purchase(1, '10');
    const deleted = { ...live, version: 2, deleted_at: NOW };
    expect(members(goal(), worldOf({ customEvents: [live] }))).toEqual([1]);
    expect(members(goal(), worldOf({ customEvents: [deleted, live] }))).toEqual([]);
    expect(members(goal(), worldOf({ customEvents: [deleted, live, { ...live, version: 3 }] }))).toEqual([1]);
    expect(members(goal(), worldOf({ customEvents: [live, { ...live, version: 2, deleted_at: NOW + DAY }] }))).toEqual([]);
  });

  test('last accepted write wins, whole event, whoever’s it is then', () => {
    const first = purchase(1, '10', { goal_name: 'shop' });
    const second = customEvent(2, { external_id: first.external_id, goal_type: 'lead', version: 2 });
    const world = worldOf({ customEvents: [second, first] });
    expect(members(goal(), world)).toEqual([]);
    expect(members(goal({ goal_type: 'lead' }), world)).toEqual([2]);
    expect(members(goal({ goal_type: 'lead', goal_name: 'shop' }), world)).toEqual([]);
  });

  test('the key is (event_name, external_id)', () => {
    const first = purchase(1, '10');
    const world = worldOf({ customEvents: [first, { ...first, event_name: 'refund', version: 2 }] });
    expect(members(aggregated('count', 2), world)).toEqual([1]);
  });

  test('goal_type: "*" = every live event, also one without a goal_type', () => {
    const world = worldOf({ customEvents: [customEvent(1), customEvent(2, { goal_type: 'lead' })] });
    expect(members(goal({ goal_type: '*' }), world)).toEqual([1, 2]);
    expect(members(goal({ goal_type: 'lead' }), world)).toEqual([2]);
  });

  test('goal_name?, event_name?: only events of that name', () => {
    const world = worldOf({
      customEvents: [
        purchase(1, '1', { goal_name: 'Shop' }),
        purchase(2, '1', { event_name: 'refund' }),
        purchase(3, '1', { goal_name: '' }),
      ],
    });
    expect(members(goal({ goal_name: 'Shop' }), world)).toEqual([1]);
    expect(members(goal({ goal_name: 'shop' }), world)).toEqual([]);
    expect(members(goal({ goal_name: '' }), world)).toEqual([]);
    expect(members(goal({ event_name: 'refund' }), world)).toEqual([2]);
  });

  test('timeframes: "no purchase in 90 days" = count eq 0 in_the_last_days 90', () => {
    const world = worldOf({ customEvents: [purchase(1, '1'), purchase(2, '1', { occurred_at: NOW - 90 * DAY })] });
    expect(members(aggregated('count', 0, { timeframe_operator: 'in_the_last_days', timeframe_values: ['90'] }), world)).toEqual([2, 3]);
  });
});

describe('filters on goals', () => {
  const world = worldOf({
    customEvents: [
      purchase(1, '19.9', { external_id: 'A-1', goal_name: 'Shop', properties: { sku: ['x', 'y'] } }),
      purchase(2, '20', { external_id: 'b-2', goal_name: '' }),
      customEvent(3, { event_name: 'visit', goal_type: 'purchase' }),
    ],
  });
  const by = (...filters: GoalLeaf['filters'] & object) => members(goal({ filters }), world);

  test('to event_name, external_id, goal_name (string)', () => {
    expect(by(filter('event_name', 'string', 'starts_with', { string_values: ['VIS'] }))).toEqual([3]);
    expect(by(filter('external_id', 'string', 'equals', { string_values: ['A-1', 'B-2'] }))).toEqual([1]);
    expect(by(filter('goal_name', 'string', 'contains', { string_values: ['SHO'] }))).toEqual([1]);
    expect(by(filter('goal_name', 'string', 'is_not_set'))).toEqual([2, 3]);
  });

  test('goal_value (number)', () => {
    expect(by(filter('goal_value', 'number', 'equals', { number_values: [19.9] }))).toEqual([1]);
    expect(by(filter('goal_value', 'number', 'gte', { number_values: [19.9] }))).toEqual([1, 2]);
    expect(by(filter('goal_value', 'number', 'is_not_set'))).toEqual([3]);
    expect(by(filter('goal_value', 'number', 'not_equals', { number_values: [20] }))).toEqual([1, 3]);
  });

  test('and properties', () => {
    expect(by(filter('properties', 'json', 'in_array', { json_path: ['sku'], string_values: ['y'] }))).toEqual([1]);
    expect(by(filter('properties', 'json', 'is_set'))).toEqual([1]);
  });

  test('filters_operator defaults to and', () => {
    const filters = [filter('goal_name', 'string', 'is_set'), filter('goal_value', 'number', 'gt', { number_values: [19.9] })];
    expect(members(goal({ filters }), world)).toEqual([]);
    expect(members(goal({ filters, filters_operator: 'or' }), world)).toEqual([1, 2]);
    expect(members(goal({ filters: [], filters_operator: 'or' }), world)).toEqual([1, 2, 3]);
  });
});

describe('aggregates', () => {
  // In order of occurred_at: 5, -2, 9.
  const world = worldOf({
    customEvents: [
      purchase(1, '9', { occurred_at: NOW }),
      purchase(1, '5', { occurred_at: NOW - 3 * DAY }),
      purchase(1, '-2', { occurred_at: NOW - 2 * DAY }),
      customEvent(1, { goal_type: 'purchase', occurred_at: NOW - 9 * DAY }),
      customEvent(2, { goal_type: 'purchase' }),
    ],
  });

  test.each([
    ['sum', 12],
    ['count', 4],
    ['avg', 4],
    ['min', -2],
    ['max', 9],
    ['first', 5],
    ['last', 9],
  ] as const)('%s; an event without goal_value counts, and is left out of the other aggregates', (aggregate, value) => {
    expect(members(aggregated(aggregate, value), world)).toContain(1);
    expect(members(aggregated(aggregate, value, { operator: 'neq' }), world)).not.toContain(1);
  });

  test('no event: count = 0 and sum = 0', () => {
    expect(members(aggregated('count', 0), world)).toEqual([3]);
    expect(members(aggregated('sum', 0), world)).toEqual([2, 3]);
    expect(members(aggregated('count', 1, { operator: 'neq' }), world)).toEqual([1, 3]);
  });

  test.each(['avg', 'min', 'max', 'first', 'last'] as const)('%s has no value and matches nothing, neq too', (aggregate) => {
    const without = { ...world, customEvents: [customEvent(2, { goal_type: 'purchase' })] };
    for (const operator of ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const) {
      expect(members(aggregated(aggregate, 0, { operator }), without)).toEqual([]);
    }
    expect(members(aggregated(aggregate, -1e15, { operator: 'between', value_2: 1e15 }), without)).toEqual([]);
  });

  test.each([
    ['gt', 11.9999, 12],
    ['gte', 12, 12.0001],
    ['lt', 12.0001, 12],
    ['lte', 12, 11.9999],
    ['eq', 12, 11.9999],
    ['neq', 11.9999, 12],
  ] as const)('operator %s: %d, not %d', (operator, yes, no) => {
    expect(members(aggregated('sum', yes, { operator }), world)).toContain(1);
    expect(members(aggregated('sum', no, { operator }), world)).not.toContain(1);
  });

  test.each(AGGREGATES)('between includes both ends: %s', (aggregate) => {
    const one = worldOf({ customEvents: [purchase(1, '1')] });
    const between = (value: number, value_2: number) => members(aggregated(aggregate, value, { operator: 'between', value_2 }), one);
    expect(between(1, 2)).toContain(1);
    expect(between(0.5, 1)).toContain(1);
    expect(between(1, 1)).toContain(1);
    expect(between(1.0001, 2)).not.toContain(1);
    expect(between(0.5, 0.9999)).not.toContain(1);
  });

  test('first/last: ties by acceptance order', () => {
    // The key comes last of all: 'z' is earlier than 'k' where anything before it says so.
    const same = { occurred_at: NOW, accepted_at: 5, ord: 1, external_id: 'k' };
    const pairs: [Partial<typeof same>, Partial<typeof same>][] = [
      [{ external_id: 'z', occurred_at: NOW - 1, accepted_at: 9 }, {}],
      [{ external_id: 'z', accepted_at: 4, ord: 2 }, {}],
      [{ external_id: 'z', ord: 0 }, {}],
      [{ external_id: 'K' }, {}],
      [{ external_id: '\uff5e' }, { external_id: '😀' }],
    ];
    for (const [earlier, later] of pairs) {
      const events = [purchase(1, '2', { ...same, ...later }), purchase(1, '1', { ...same, ...earlier })];
      expect(members(aggregated('first', 1), worldOf({ customEvents: events }))).toEqual([1]);
      expect(members(aggregated('last', 2), worldOf({ customEvents: events }))).toEqual([1]);
    }
  });
});

describe('exactness', () => {
  const of = (...values: string[]) => worldOf({ customEvents: values.map((value) => purchase(1, value)) });

  test('money adds up exactly: 0.1 + 0.2 = 0.3', () => {
    expect(members(aggregated('sum', 0.3), of('0.1', '0.2'))).toEqual([1]);
    expect(members(aggregated('sum', 0), of('0.1', '0.2', '-0.3'))).toEqual([1, 2, 3]);
    const many = Array.from({ length: 20 }, () => '999999999999999');
    expect(members(aggregated('sum', 1e15, { operator: 'gt' }), of(...many))).toEqual([1]);
  });

  test('avg compares exactly (sum against value × count)', () => {
    expect(members(aggregated('avg', 0.15), of('0.1', '0.2'))).toEqual([1]);
    expect(members(aggregated('avg', 0.00005), of('0.0001', '0'))).toEqual([1]);
    // 1/3 has no decimal text, so no value equals it.
    expect(members(aggregated('avg', 0.3333333333, { operator: 'gt' }), of('1', '0', '0'))).toEqual([1]);
    expect(members(aggregated('avg', 0.3333333334, { operator: 'lt' }), of('1', '0', '0'))).toEqual([1]);
  });

  test('a fraction compares with a count', () => {
    expect(members(aggregated('count', 1.5, { operator: 'gt' }), of('1', '1'))).toEqual([1]);
    expect(members(aggregated('count', 1.5, { operator: 'lt' }), of('1', '1'))).toEqual([2, 3]);
  });

  test.each([
    ['0', 0n],
    ['-0.5', -5_000_000_000n],
    ['1e-10', 1n],
    ['1.5e-7', 1500n],
    ['-1e+21', -(10n ** 31n)],
    ['999999999999999', 9_999_999_999_999_990_000_000_000n],
  ])('exact units of %s', (text, units) => {
    expect(unitsOf(text)).toBe(units);
  });

  test('too many decimals are refused', () => {
    expect(() => unitsOf('1e-11')).toThrow(RangeError);
    expect(() => unitsOf('x')).toThrow(RangeError);
  });
});
