/** Section 5.2 of the specification: activity counts, one test for each sentence. */
import { describe, expect, test } from 'vitest';
import type { TimelineLeaf } from '../schema/leaf.ts';
import { activity, customEvent, DAY, event, filter, members, ms, NOW, UTC, worldOf } from './fixtures/build.ts';
import type { WorldEvent } from './index.ts';

describe('counting', () => {
  // 1 did it once, 2 twice, 3 never.
  const world = worldOf({ events: [event(1), event(2), event(2), event(3, { kind: 'click_email' })] });

  test.each([
    ['at_least', 0, [1, 2, 3]],
    ['at_least', 1, [1, 2]],
    ['at_least', 2, [2]],
    ['at_most', 1, [1, 3]],
    ['exactly', 1, [1]],
    ['exactly', 2, [2]],
  ] as const)('number of events of that kind: %s %d', (count_operator, count_value, expected) => {
    expect(members(activity({ count_operator, count_value }), world)).toEqual(expected);
  });

  test('none = 0, so exactly 0 and at_most n match contacts that never did it', () => {
    expect(members(activity({ count_operator: 'exactly', count_value: 0 }), world)).toEqual([3]);
    expect(members(activity({ count_operator: 'at_most', count_value: 0 }), world)).toEqual([3]);
    expect(members(activity({ count_operator: 'at_most', count_value: 5 }), world)).toEqual([1, 2, 3]);
  });

  test.each(['insert_message_history', 'unsubscribe_email', 'list.subscribed', 'list.removed', 'contact.created', 'contact.merged'])(
    'kind is any kind of §3: %s',
    (kind) => {
      expect(members(activity({ kind }), worldOf({ events: [event(2, { kind }), event(1, { kind: 'open_email' })] }))).toEqual([2]);
    },
  );

  test('distinct events: the same id, kind, contact and occurred_at count once', () => {
    const copy = event(1, { id: 'same' });
    const others = [event(2, { id: 'same' }), event(2, { id: 'same', occurred_at: NOW }), event(2, { id: 'same', kind: 'click_email' })];
    const copies = worldOf({ events: [copy, { ...copy, accepted_at: copy.accepted_at + 1 }, ...others] });
    expect(members(activity({ count_operator: 'exactly', count_value: 1 }), copies)).toEqual([1]);
    expect(members(activity({ count_operator: 'exactly', count_value: 2 }), copies)).toEqual([2]);
  });

  test('the first one wins: what the copy accepted first holds is what counts', () => {
    const first = event(1, { template_id: 'welcome', properties: { n: 1 } });
    const second: WorldEvent = { ...first, template_id: 'other', properties: { n: 2 }, accepted_at: first.accepted_at + 1 };
    for (const events of [
      [first, second],
      [second, first],
    ]) {
      expect(members(activity({ template_id: 'welcome' }), worldOf({ events }))).toEqual([1]);
      expect(members(activity({ template_id: 'other' }), worldOf({ events }))).toEqual([]);
    }
  });
});

describe('timeframes', () => {
  /** The contacts n whose event, at the n-th instant, lies in the timeframe. */
  const within = (
    timeframe_operator: TimelineLeaf['timeframe_operator'],
    timeframe_values: string[],
    instants: number[],
    timezone = 'UTC',
  ) =>
    members(
      activity({ timeframe_operator, timeframe_values }),
      worldOf({ events: instants.map((occurred_at, n) => event(n + 1, { occurred_at })) }, instants.length),
      { now: NOW, timezone },
    );
  const HOUR = DAY / 24;

  test('no timeframe_operator = anytime', () => {
    const world = worldOf({ events: [event(1, { occurred_at: ms('1971-01-01') }), event(2, { occurred_at: NOW + HOUR })] });
    expect(members(activity(), world)).toEqual([1, 2]);
    expect(members(activity({ timeframe_operator: 'anytime' }), world)).toEqual([1, 2]);
    expect(members(activity({ timeframe_operator: 'anytime', timeframe_values: [] }), world)).toEqual([1, 2]);
  });

  test('in_the_last_days', () => {
    expect(within('in_the_last_days', ['7'], [NOW - 7 * DAY, NOW - 7 * DAY + 1, NOW, NOW + 1])).toEqual([2, 3]);
  });

  test('between_days_ago', () => {
    expect(within('between_days_ago', ['7', '1'], [NOW - 7 * DAY, NOW - 7 * DAY + 1, NOW - DAY, NOW - DAY + 1])).toEqual([2, 3]);
  });

  test('before_date, after_date, in_date_range, with local days', () => {
    const [start, end] = [Date.parse('2026-03-28T23:00:00Z'), Date.parse('2026-03-29T22:00:00Z')];
    const instants = [start - 1, start, end - 1, end];
    expect(within('in_date_range', ['2026-03-29', '2026-03-29'], instants, 'Europe/Berlin')).toEqual([2, 3]);
    expect(within('before_date', ['2026-03-29'], instants, 'Europe/Berlin')).toEqual([1]);
    expect(within('after_date', ['2026-03-29'], instants, 'Europe/Berlin')).toEqual([4]);
    expect(within('in_date_range', ['2026-03-28T23:00:00Z', '2026-03-28T23:00:00Z'], instants)).toEqual([2]);
  });

  test('event up to 24 h ahead: counts for anytime and absolute times; enters sliding windows when its time has come', () => {
    const ahead = NOW + 5 * HOUR;
    const world = worldOf({ events: [event(1, { occurred_at: ahead })] });
    expect(members(activity(), world)).toEqual([1]);
    expect(members(activity({ timeframe_operator: 'after_date', timeframe_values: ['2026-06-14'] }), world)).toEqual([1]);
    const sliding = activity({ timeframe_operator: 'in_the_last_days', timeframe_values: ['1'] });
    expect(members(sliding, world)).toEqual([]);
    expect(members(sliding, world, { ...UTC, now: ahead - 1 })).toEqual([]);
    expect(members(sliding, world, { ...UTC, now: ahead })).toEqual([1]);
    expect(members(sliding, world, { ...UTC, now: ahead + DAY - 1 })).toEqual([1]);
    expect(members(sliding, world, { ...UTC, now: ahead + DAY })).toEqual([]);
  });

  test('the count is of the events in the timeframe only', () => {
    const world = worldOf({ events: [event(1), event(1, { occurred_at: NOW - 8 * DAY }), event(2, { occurred_at: NOW - 8 * DAY })] });
    const none = activity({ count_operator: 'exactly', count_value: 0, timeframe_operator: 'in_the_last_days', timeframe_values: ['7'] });
    expect(members(none, world)).toEqual([2, 3]);
  });
});

describe('filters', () => {
  const equals = (field: string, value: string) => filter(field, 'string', 'equals', { string_values: [value] });

  test.each(['template_id', 'campaign_id', 'list_id', 'message_id', 'link_url'] as const)('filters apply to %s (string)', (field) => {
    const world = worldOf({ events: [event(1, { [field]: 'X1' }), event(2, { [field]: 'x1' }), event(3)] });
    expect(members(activity({ filters: [equals(field, 'X1')] }), world)).toEqual([1]);
    expect(members(activity({ filters: [filter(field, 'string', 'contains', { string_values: ['x'] })] }), world)).toEqual([1, 2]);
    expect(members(activity({ filters: [filter(field, 'string', 'not_equals', { string_values: ['X1'] })] }), world)).toEqual([2, 3]);
    expect(members(activity({ filters: [filter(field, 'string', 'is_not_set')] }), world)).toEqual([3]);
  });

  test('an empty text in an event’s column counts as no value', () => {
    const world = worldOf({ events: [event(1, { template_id: '' }), event(2, { template_id: 't' }), event(3)] });
    expect(members(activity({ filters: [filter('template_id', 'string', 'is_set')] }), world)).toEqual([2]);
    expect(members(activity({ filters: [equals('template_id', '')] }), world)).toEqual([]);
    expect(members(activity({ filters: [filter('template_id', 'string', 'not_equals', { string_values: [''] })] }), world)).toEqual([
      1, 2, 3,
    ]);
    expect(members(activity({ template_id: '' }), world)).toEqual([]);
  });

  test('properties (json with path)', () => {
    const world = worldOf({ events: [event(1, { properties: { device: { os: 'iOS' } } }), event(2, { properties: {} }), event(3)] });
    const os = { json_path: ['device', 'os'], string_values: ['iOS'] };
    expect(members(activity({ filters: [filter('properties', 'json', 'equals', os)] }), world)).toEqual([1]);
    expect(members(activity({ filters: [filter('properties', 'json', 'not_equals', os)] }), world)).toEqual([2, 3]);
    expect(members(activity({ filters: [filter('properties', 'json', 'is_set')] }), world)).toEqual([1, 2]);
  });

  test('template_id: only events of that template', () => {
    const world = worldOf({ events: [event(1, { template_id: 'welcome' }), event(2, { template_id: 'Welcome' }), event(3)] });
    expect(members(activity({ template_id: 'welcome' }), world)).toEqual([1]);
  });

  test('filters_operator defaults to and', () => {
    const both = [equals('template_id', 't'), equals('campaign_id', 'c')];
    const world = worldOf({
      events: [event(1, { template_id: 't', campaign_id: 'c' }), event(2, { template_id: 't' }), event(2, { campaign_id: 'c' }), event(3)],
    });
    expect(members(activity({ filters: both }), world)).toEqual([1]);
    expect(members(activity({ filters: both, filters_operator: 'and' }), world)).toEqual([1]);
    expect(members(activity({ filters: both, filters_operator: 'or' }), world)).toEqual([1, 2]);
  });

  test('template_id holds whatever filters_operator says', () => {
    const world = worldOf({ events: [event(1, { template_id: 't' }), event(2, { list_id: 'l' })] });
    expect(members(activity({ template_id: 't', filters: [equals('list_id', 'l')], filters_operator: 'or' }), world)).toEqual([]);
  });

  test.each(['and', 'or'] as const)('no filters restrict nothing: %s', (filters_operator) => {
    expect(members(activity({ filters: [], filters_operator }), worldOf({ events: [event(1)] }))).toEqual([1]);
  });
});

describe('kind custom_event.<name>', () => {
  const kind = 'custom_event.order';

  test('counts live custom events of that name, each once', () => {
    const world = worldOf({ customEvents: [customEvent(1), customEvent(2), customEvent(2), customEvent(3, { event_name: 'order2' })] });
    expect(members(activity({ kind }), world)).toEqual([1, 2]);
    expect(members(activity({ kind, count_value: 2 }), world)).toEqual([2]);
  });

  test('a custom event counts once, by its latest occurred_at', () => {
    const first = customEvent(1, { occurred_at: NOW - DAY });
    const world = worldOf({ customEvents: [{ ...first, version: 2, occurred_at: NOW - 30 * DAY }, first] });
    expect(members(activity({ kind, count_operator: 'exactly' }), world)).toEqual([1]);
    expect(members(activity({ kind, timeframe_operator: 'in_the_last_days', timeframe_values: ['7'] }), world)).toEqual([]);
  });

  test('and not while deleted', () => {
    const live = customEvent(1);
    const deleted = { ...live, version: 2, deleted_at: NOW };
    expect(members(activity({ kind }), worldOf({ customEvents: [live, deleted] }))).toEqual([]);
    expect(members(activity({ kind }), worldOf({ customEvents: [live, deleted, { ...live, version: 3 }] }))).toEqual([1]);
  });

  test('an event that moved is one of its latest contact only', () => {
    const moved = customEvent(1);
    expect(members(activity({ kind }), worldOf({ customEvents: [moved, { ...moved, contact_id: 2, version: 2 }] }))).toEqual([2]);
    expect(members(activity({ kind }), worldOf({ customEvents: [moved, { ...moved, contact_id: 99, version: 2 }] }))).toEqual([]);
  });

  test('filters see its properties, and no value in the columns of messages', () => {
    const world = worldOf({ customEvents: [customEvent(1, { properties: { a: 1 } }), customEvent(2)] });
    expect(members(activity({ kind, filters: [filter('properties', 'json', 'is_set', { json_path: ['a'] })] }), world)).toEqual([1]);
    expect(members(activity({ kind, filters: [filter('list_id', 'string', 'is_set')] }), world)).toEqual([]);
    expect(members(activity({ kind, filters: [filter('list_id', 'string', 'not_equals', { string_values: ['x'] })] }), world)).toEqual([
      1, 2,
    ]);
    expect(members(activity({ kind, template_id: 't' }), world)).toEqual([]);
  });
});
