/** Section 5.1 of the specification: trees and their sources, one test for each sentence. */
import type { MembershipStatus } from '@muster/domain';
import { describe, expect, test } from 'vitest';
import type { ListLeaf } from '../schema/leaf.ts';
import type { Node } from '../schema/tree.ts';
import { evaluate } from './evaluate.ts';
import {
  activity,
  branch,
  contact,
  customEvent,
  event,
  filter,
  goal,
  list,
  members,
  ms,
  NOW,
  segment,
  where,
  worldOf,
} from './fixtures/build.ts';

const NAMES: Record<number, string> = { 1: 'Ada', 2: 'Bob', 3: 'Cy' };
const named = worldOf({ contacts: [1, 2, 3].map((id) => contact(id, { first_name: NAMES[id] as string })) });
const is = (...names: string[]): Node => where(filter('first_name', 'string', 'equals', { string_values: names }));

describe('branches', () => {
  test.each([
    ['and', [is('Ada', 'Bob'), is('Bob', 'Cy')], [2]],
    ['or', [is('Ada'), is('Cy')], [1, 3]],
    ['none', [is('Ada'), is('Bob')], [3]],
  ] as const)('operator: "and" | "or" | "none": %s', (operator, leaves, expected) => {
    expect(members(branch(operator, ...leaves), named)).toEqual(expected);
  });

  test('none = NOT any', () => {
    expect(members(branch('none', branch('or', is('Ada'), is('Bob'))), named)).toEqual(
      members(branch('none', is('Ada'), is('Bob')), named),
    );
    expect(members(branch('none', branch('none', is('Ada'))), named)).toEqual([1]);
  });

  test('leaves: [node, …≥1]: one leaf is enough', () => {
    expect(members(branch('and', is('Ada')), named)).toEqual([1]);
    expect(members(branch('or', is('Ada')), named)).toEqual([1]);
    expect(members(branch('none', is('Ada')), named)).toEqual([2, 3]);
  });

  test('nest ≤ 10', () => {
    let tree = is('Ada');
    for (let depth = 0; depth < 10; depth++) tree = branch('none', tree);
    expect(members(tree, named)).toEqual([1]);
  });

  test('a tree is a node: a leaf alone is a tree', () => {
    expect(members(is('Cy'), named)).toEqual([3]);
  });
});

describe('source "contacts"', () => {
  test('filters: ANDed', () => {
    const both = where(
      filter('first_name', 'string', 'is_set'),
      filter('first_name', 'string', 'not_equals', { string_values: ['Ada'] }),
      filter('email', 'string', 'starts_with', { string_values: ['C2'] }),
    );
    expect(members(both, named)).toEqual([2]);
  });

  test('fields a filter may name: every contact field, email, external_id, created_at and updated_at too', () => {
    const texts = [
      ...['first_name', 'last_name', 'full_name', 'job_title', 'phone', 'timezone', 'language', 'address_line_1', 'address_line_2'],
      ...['country', 'state', 'postcode', 'custom_string_1', 'custom_string_5'],
    ];
    const fields = Object.fromEntries(texts.map((name) => [name, `the ${name}`]));
    const dated = { created_at: ms('2020-01-01'), updated_at: ms('2021-01-01') };
    const world = worldOf({
      contacts: [contact(1), contact(2, { ...fields, custom_number_5: 5 }, { ...dated, external_id: 'x2', email: 'two@x.org' })],
    });
    for (const name of texts) {
      expect(members(where(filter(name, 'string', 'equals', { string_values: [`the ${name}`] })), world)).toEqual([2]);
    }
    expect(members(where(filter('email', 'string', 'equals', { string_values: ['two@x.org'] })), world)).toEqual([2]);
    expect(members(where(filter('external_id', 'string', 'equals', { string_values: ['x2'] })), world)).toEqual([2]);
    expect(members(where(filter('external_id', 'string', 'is_not_set')), world)).toEqual([1]);
    expect(members(where(filter('custom_number_5', 'number', 'equals', { number_values: [5] })), world)).toEqual([2]);
    expect(members(where(filter('created_at', 'time', 'before_date', { string_values: ['2020-01-02'] })), world)).toEqual([2]);
    expect(members(where(filter('updated_at', 'time', 'in_date_range', { string_values: ['2021-01-01', '2021-01-01'] })), world)).toEqual([
      2,
    ]);
    expect(members(where(filter('created_at', 'time', 'is_set')), world)).toEqual([1, 2]);
  });

  test('null removes the value: a field that is null has none', () => {
    const world = worldOf({ contacts: [contact(1, { first_name: null }), contact(2, { first_name: '' })] });
    expect(members(where(filter('first_name', 'string', 'is_set')), world)).toEqual([2]);
  });
});

describe('source "contact_lists"', () => {
  const membership = (contact_id: number, list_id: string, status: MembershipStatus, removed = false) => ({
    contact_id,
    list_id,
    status,
    removed,
  });
  const world = worldOf(
    {
      memberships: [
        membership(1, 'news', 'active'),
        membership(2, 'news', 'unsubscribed'),
        membership(3, 'news', 'active', true),
        membership(4, 'vip', 'active'),
        membership(99, 'news', 'active'),
      ],
    },
    5,
  );
  const query = (operator: ListLeaf['operator'], status?: MembershipStatus) =>
    members(list({ operator, list_id: 'news', ...(status && { status }) }), world);

  test('without status, in = has a membership of any status (removed = none)', () => {
    expect(query('in')).toEqual([1, 2]);
  });

  test('not_in is its complement, with status too', () => {
    expect(query('not_in')).toEqual([3, 4, 5]);
    expect(query('in', 'active')).toEqual([1]);
    expect(query('not_in', 'active')).toEqual([2, 3, 4, 5]);
    expect(query('in', 'pending')).toEqual([]);
  });
});

describe('source "segments"', () => {
  const segments = new Map([
    ['ada', { tree: is('Ada'), timezone: 'UTC' }],
    ['not_ada', { tree: segment({ operator: 'not_in', segment_id: 'ada' }), timezone: 'UTC' }],
    [
      'day',
      {
        tree: where(filter('created_at', 'time', 'in_date_range', { string_values: ['2026-06-15', '2026-06-15'] })),
        timezone: 'Asia/Kolkata',
      },
    ],
  ]);

  test('operator: "in" | "not_in"', () => {
    const world = { ...named, segments };
    expect(members(segment({ operator: 'in', segment_id: 'ada' }), world)).toEqual([1]);
    expect(members(segment({ operator: 'not_in', segment_id: 'ada' }), world)).toEqual([2, 3]);
    expect(members(segment({ operator: 'in', segment_id: 'not_ada' }), world)).toEqual([2, 3]);
  });

  test('a segment that is referred to keeps the timezone of its own', () => {
    // 20:00 UTC on the 14th is the 15th in Kolkata.
    const world = worldOf({ contacts: [contact(1, {}, { created_at: ms('2026-06-14T20:00:00Z') })], segments });
    expect(members(segment({ operator: 'in', segment_id: 'day' }), world, { now: NOW, timezone: 'UTC' })).toEqual([1]);
    expect(members(segments.get('day')?.tree as Node, world, { now: NOW, timezone: 'UTC' })).toEqual([]);
  });

  test('an unknown segment_id is a fault of the tree', () => {
    expect(() => evaluate(segment({ operator: 'in', segment_id: 'nowhere' }), named, { now: NOW, timezone: 'UTC' })).toThrow(RangeError);
  });
});

describe('who can be a member', () => {
  test('only contacts: events of others count for nobody', () => {
    const world = worldOf({ events: [event(99)], customEvents: [customEvent(99)] });
    expect(members(activity(), world)).toEqual([]);
    expect(members(goal({ goal_type: '*' }), world)).toEqual([]);
    expect(members(activity({ count_operator: 'exactly', count_value: 0 }), world)).toEqual([1, 2, 3]);
  });

  test('there is nobody in a world without contacts', () => {
    expect(members(branch('none', activity()), worldOf({}, 0))).toEqual([]);
  });
});
