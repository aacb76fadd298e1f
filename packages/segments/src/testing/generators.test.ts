/** What the arbitraries promise: valid trees, storable worlds, and questions whose answer is neither nobody nor everybody. */
import { checkShape, isTimeZone } from '@muster/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../reference/evaluate.ts';
import { activity, contact, event, filter, where, worldOf } from '../reference/fixtures/build.ts';
import type { World } from '../reference/world.ts';
import type { Filter } from '../schema/filter.ts';
import { AGGREGATES, COMPARISONS, COUNT_OPERATORS, FILTER_OPERATORS, TIMEFRAME_OPERATORS } from '../schema/operators.ts';
import { faultsOfReferences, leavesOf, type Node, parseTree } from '../schema/tree.ts';
import { caseArbitrary, LIST_IDS, momentsOf, NOWS, nowArbitrary, SEGMENT_IDS, TIMEZONES, treeArbitrary, worldArbitrary } from './index.ts';

const SEED = 20_260_615;
const CASES = fc.sample(caseArbitrary(), { numRuns: 300, seed: SEED });

const DAY_MS = 86_400_000;

function expectValid(tree: Node, timezone: string) {
  const parsed = parseTree(tree, timezone);
  expect(parsed).toEqual({ ok: true, tree });
}

describe('trees', () => {
  test.each(TIMEZONES)('the schema accepts each of them: %s', (timezone) => {
    const anchored = fc.constantFrom(...NOWS).chain((anchor) => treeArbitrary({ anchor, timezone }));
    fc.assert(
      fc.property(anchored, (tree) => expectValid(tree, timezone)),
      { numRuns: 60, seed: SEED },
    );
  });

  test('they refer to what a world has', () => {
    const known = { lists: new Set<string>(LIST_IDS), segments: new Map(SEGMENT_IDS.map((id) => [id, CASES[0]?.tree as Node])) };
    for (const { tree } of CASES) expect(faultsOfReferences(tree, null, { ...known, segments: new Map(known.segments) })).toEqual([]);
    for (const tree of fc.sample(treeArbitrary({ segments: [] }), { numRuns: 100, seed: SEED })) {
      expect([...leavesOf(tree)].some(({ leaf }) => leaf.source === 'segments')).toBe(false);
    }
  });
});

describe('worlds', () => {
  test('sizes are those of a small workspace', () => {
    for (const { world } of CASES) {
      expect(world.contacts.length).toBeGreaterThanOrEqual(12);
      expect(world.contacts.length).toBeLessThanOrEqual(25);
      expect(world.events.length).toBeLessThanOrEqual(80);
      expect(world.customEvents.length).toBeLessThanOrEqual(25);
    }
  });

  test('everything can be stored and comes back the same', () => {
    for (const { world } of CASES) {
      const { segments: _, ...data } = world;
      expect(JSON.parse(JSON.stringify(data))).toEqual(data);
      for (const item of [...world.contacts, ...world.events, ...world.customEvents, ...world.memberships]) {
        expect(checkShape(item, 256 * 1024)).toBeNull();
      }
    }
  });

  test('identifiers are unique', () => {
    for (const { world } of CASES) {
      const ids = world.contacts.flatMap(({ external_id }) => external_id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      expectDistinct(world.contacts, (each) => each.email);
      expectDistinct(world.contacts, (each) => each.contact_id);
      expectDistinct(world.memberships, (each) => `${each.contact_id} ${each.list_id}`);
      expectDistinct(world.customEvents, (each) => each.version);
      expectDistinct(world.events, (each) => each.accepted_at);
    }
  });

  test('segments are valid in their timezone and refer to earlier ones only', () => {
    for (const { world } of CASES.slice(0, 100)) {
      expect([...world.segments.keys()]).toEqual([...SEGMENT_IDS]);
      const earlier = new Map<string, Node>();
      for (const [id, { tree, timezone }] of world.segments) {
        expect(isTimeZone(timezone)).toBe(true);
        expectValid(tree, timezone);
        expect(faultsOfReferences(tree, id, { lists: new Set(LIST_IDS), segments: earlier })).toEqual([]);
        earlier.set(id, tree);
      }
    }
  });

  test('events happen at most 24 hours after the anchor', () => {
    for (const anchor of NOWS) {
      for (const world of fc.sample(worldArbitrary({ anchor }), { numRuns: 5, seed: SEED })) {
        for (const event of [...world.events, ...world.customEvents]) expect(event.occurred_at).toBeLessThanOrEqual(anchor + DAY_MS);
      }
    }
  });

  test('what is hard to get right occurs: copies, moves, deletions, removed memberships, strangers, the future, empty texts', () => {
    const share = (has: (world: World) => boolean) => CASES.filter(({ world }) => has(world)).length / CASES.length;
    const copies = ({ events }: World) =>
      groupsOf(events, (each) => JSON.stringify([each.contact_id, each.kind, each.id, each.occurred_at]));
    const versions = ({ customEvents }: World) => groupsOf(customEvents, (each) => JSON.stringify([each.event_name, each.external_id]));
    expect(share((world) => copies(world).some((group) => group.length > 1))).toBeGreaterThan(0.5);
    expect(
      share((world) =>
        copies(world).some(([first, second]) => second !== undefined && first !== undefined && second.accepted_at < first.accepted_at),
      ),
    ).toBeGreaterThan(0.3);
    expect(share((world) => versions(world).some((group) => new Set(group.map((each) => each.contact_id)).size > 1))).toBeGreaterThan(0.3);
    expect(share((world) => versions(world).some((group) => group.at(-1)?.deleted_at !== null))).toBeGreaterThan(0.3);
    expect(share((world) => world.memberships.some((each) => each.removed))).toBeGreaterThan(0.5);
    expect(share((world) => world.events.some((each) => each.contact_id > 25))).toBeGreaterThan(0.3);
    expect(share((world) => world.events.some((each) => each.occurred_at * 1000 > each.accepted_at))).toBeGreaterThan(0.3);
    expect(share((world) => world.events.some((each) => each.template_id === ''))).toBeGreaterThan(0.5);
    expect(share((world) => world.events.length > 40)).toBeGreaterThan(0.2);
    expect(share((world) => world.contacts.some((each) => Object.keys(each.fields).length < 4))).toBeGreaterThan(0.5);
  });
});

describe('moments', () => {
  test('they are anchors, others of the pool, and edges of windows', () => {
    const [anchor, timezone] = [NOWS[0] as number, 'Europe/Berlin'];
    const cases = fc.sample(caseArbitrary({ anchor, timezone }), { numRuns: 100, seed: SEED });
    const edges = cases.filter(({ at }) => !NOWS.includes(at.now));
    expect(edges.length / cases.length).toBeGreaterThan(0.1);
    expect(edges.length / cases.length).toBeLessThan(0.6);
    for (const { world, tree, at } of edges) {
      const moments = momentsOf(world, tree, { now: anchor, timezone });
      expect([-1, 0, 1].some((jitter) => moments.includes(at.now + jitter))).toBe(true);
    }
  });

  test('an edge is where somebody enters or leaves', () => {
    const around = { now: NOWS[0] as number, timezone: 'America/Sao_Paulo' };
    const world = worldOf({ contacts: [contact(1, { custom_datetime_1: '2000-02-29T12:00:00.000Z' })] });
    const values = { string_values: ['7'] };
    for (const operator of ['in_the_last_days', 'in_the_next_days', 'anniversary_in_the_next_days'] as const) {
      const tree = where(filter('custom_datetime_1', 'time', operator, values));
      const moments = momentsOf(world, tree, around);
      expect(moments.length).toBeGreaterThan(operator === 'in_the_next_days' ? 0 : 1);
      for (const now of moments) {
        const sizes = [now - 1, now, now + 1].map((each) => evaluate(tree, world, { ...around, now: each }).size);
        expect(new Set(sizes).size).toBe(2);
      }
    }
  });

  test('for a world and a tree at hand', () => {
    const world = worldOf({ events: [1, 2, 3].map((id) => event(id, { occurred_at: NOWS[0] as number })) });
    const tree = activity({ timeframe_operator: 'in_the_last_days', timeframe_values: ['1'] });
    const nows = fc.sample(nowArbitrary(world, tree, { now: NOWS[0] as number, timezone: 'UTC' }), { numRuns: 50, seed: SEED });
    for (const jitter of [-1, 0, 1]) expect(nows).toContain((NOWS[0] as number) + DAY_MS + jitter);
  });
});

describe('the generator is not trivial', () => {
  test('every source and every operator occurs', () => {
    const leaves = CASES.flatMap(({ tree }) => [...leavesOf(tree)].map(({ leaf }) => leaf));
    const timeline = leaves.flatMap((leaf) => (leaf.source === 'contact_timeline' ? [leaf.contact_timeline] : []));
    const goals = leaves.flatMap((leaf) => (leaf.source === 'custom_events_goals' ? [leaf.custom_events_goal] : []));
    const onContacts = leaves.flatMap((leaf) => (leaf.source === 'contacts' ? leaf.contact.filters : []));
    const filters: Filter[] = [...onContacts, ...[...timeline, ...goals].flatMap((leaf) => leaf.filters ?? [])];
    expectAll(leaves, (leaf) => leaf.source, ['contacts', 'contact_lists', 'contact_timeline', 'segments', 'custom_events_goals']);
    expectAll(filters, (filter) => `${filter.field_type} ${filter.operator}`, everyPair());
    expectAll(timeline, (leaf) => leaf.count_operator, COUNT_OPERATORS);
    for (const each of [timeline, goals]) {
      expectAll(each as { timeframe_operator?: string }[], (leaf) => leaf.timeframe_operator, [
        undefined,
        ...Object.keys(TIMEFRAME_OPERATORS),
      ]);
      expectAll(each as { filters_operator?: string }[], (leaf) => leaf.filters_operator, [undefined, 'and', 'or']);
    }
    expectAll(goals, (leaf) => leaf.aggregate_operator, AGGREGATES);
    expectAll(goals, (leaf) => leaf.operator, COMPARISONS);
    expectAll(CASES, ({ at }) => at.timezone, TIMEZONES);
    expectAll(CASES, ({ tree }) => (tree.kind === 'leaf' ? 'leaf' : tree.branch.operator), ['leaf', 'and', 'or', 'none']);
  });

  test('more than two trees of five have some of the contacts as members, but not all', () => {
    const partial = CASES.filter(({ world, tree, at }) => {
      const { size } = evaluate(tree, world, at);
      return size > 0 && size < world.contacts.length;
    });
    expect(partial.length / CASES.length).toBeGreaterThan(0.4);
  });
});

/** Every operator with every type it applies to on a column; relative ones apply to fields of type time alone. */
function everyPair(): string[] {
  const relative = /_days$|_ago$/;
  return Object.entries(FILTER_OPERATORS).flatMap(([operator, { types }]) =>
    types.filter((type) => !(type === 'json' && relative.test(operator))).map((type) => `${type} ${operator}`),
  );
}

function expectAll<T, Key>(all: readonly T[], keyOf: (each: T) => Key, wanted: readonly Key[]) {
  const found = new Set(all.map(keyOf));
  expect(wanted.filter((key) => !found.has(key))).toEqual([]);
}

function expectDistinct<T>(all: readonly T[], keyOf: (each: T) => unknown) {
  expect(new Set(all.map(keyOf)).size).toBe(all.length);
}

function groupsOf<T>(all: readonly T[], keyOf: (each: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const each of all) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each]);
  return [...groups.values()];
}
