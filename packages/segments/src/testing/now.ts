/** Moments at which to ask: the anchor, any other of the pool, or the very edge of a window over something that happened. */
import { localDayOf, localDayStart, nextDay } from '@muster/domain';
import fc from 'fast-check';
import type { Moment, World } from '../reference/world.ts';
import { type Filter, timeTexts } from '../schema/filter.ts';
import { CUSTOM_KIND_PREFIX, type Leaf } from '../schema/leaf.ts';
import { leavesOf, type Node } from '../schema/tree.ts';
import { daysToMs, wholeDays } from '../schema/values.ts';
import { NOWS } from './pools.ts';
import { jitterArbitrary } from './times.ts';

const DAY_MS = 86_400_000;
/** Edges outside these years are no moments at which anybody asks. */
const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

/** A moment to ask about the tree in the world. `around.now` is the anchor of the world. */
export function nowArbitrary(world: World, tree: Node, around: Moment): fc.Arbitrary<number> {
  return choiceArbitrary.map((choice) => resolved(choice, world, tree, around));
}

/** What {@link nowArbitrary} decides before it knows the world, so that both can shrink on their own. */
export type NowChoice = { pool: number | null; edge: number | null; jitter: number };

export const choiceArbitrary: fc.Arbitrary<NowChoice> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ pool: null, edge: null, jitter: 0 }) },
  { weight: 1, arbitrary: fc.constantFrom(...NOWS).map((pool) => ({ pool, edge: null, jitter: 0 })) },
  // Few trees have a window with edges; the others are asked at the anchor.
  { weight: 12, arbitrary: fc.record({ pool: fc.constant(null), edge: fc.nat(99_999), jitter: jitterArbitrary }) },
);

export function resolved({ pool, edge, jitter }: NowChoice, world: World, tree: Node, around: Moment): number {
  if (edge === null) return pool ?? around.now;
  const moments = momentsOf(world, tree, around);
  const moment = moments[edge % Math.max(1, moments.length)];
  return moment === undefined ? around.now : moment + jitter;
}

/** When a value or an event that a leaf of the tree asks about enters or leaves a window of that leaf; none without such windows. */
export function momentsOf(world: World, tree: Node, around: Moment): number[] {
  const moments = [...leavesOf(tree)].flatMap(({ leaf }) => momentsOfLeaf(leaf, world, around));
  return [...new Set(moments)].filter((moment) => EARLIEST <= moment && moment < LATEST);
}

function momentsOfLeaf(leaf: Leaf, world: World, around: Moment): number[] {
  switch (leaf.source) {
    case 'contacts':
      return leaf.contact.filters.flatMap((filter) => momentsOfFilter(filter, world, around));
    case 'contact_timeline': {
      const { kind, timeframe_operator, timeframe_values } = leaf.contact_timeline;
      return edgesOf(timeframe_operator ?? 'anytime', timeframe_values ?? [], timesOfKind(kind, world));
    }
    case 'custom_events_goals': {
      const { timeframe_operator, timeframe_values } = leaf.custom_events_goal;
      const times = world.customEvents.map((event) => event.occurred_at);
      return edgesOf(timeframe_operator ?? 'anytime', timeframe_values ?? [], times);
    }
    default:
      return [];
  }
}

function timesOfKind(kind: string, { events, customEvents }: World): number[] {
  if (!kind.startsWith(CUSTOM_KIND_PREFIX)) return events.filter((event) => event.kind === kind).map((event) => event.occurred_at);
  const name = kind.slice(CUSTOM_KIND_PREFIX.length);
  return customEvents.filter((event) => event.event_name === name).map((event) => event.occurred_at);
}

function momentsOfFilter(filter: Filter, world: World, around: Moment): number[] {
  if (filter.field_type !== 'time') return [];
  const times = world.contacts.flatMap(({ created_at, updated_at, fields }) => {
    const value = { ...fields, created_at, updated_at }[filter.field_name];
    return value === undefined || value === null ? [] : [typeof value === 'number' ? value : Date.parse(String(value))];
  });
  const texts = timeTexts(filter);
  if (filter.operator !== 'anniversary_in_the_next_days') return edgesOf(filter.operator, texts, times);
  return times.flatMap((time) => anniversaryEdges(time, wholeDays(texts[0] ?? ''), around));
}

/** Windows slide over a time: its entry and its exit. */
function edgesOf(operator: string, texts: readonly string[], times: readonly number[]): number[] {
  const windows = texts.flatMap((text) => daysToMs(text) ?? []);
  switch (operator) {
    case 'in_the_last_days':
    case 'not_in_the_last_days':
      return times.flatMap((time) => [time, ...windows.map((window) => time + window)]);
    case 'between_days_ago':
      return times.flatMap((time) => windows.map((window) => time + window));
    case 'in_the_next_days':
      return times.flatMap((time) => [time, ...windows.map((window) => time - window)]);
    default:
      return [];
  }
}

/** The first instants of the local day on which the anniversary of the anchor's year comes near, and of the day after it. */
function anniversaryEdges(time: number, days: number, { now, timezone }: Moment): number[] {
  const year = localDayOf(timezone, now).slice(0, 4);
  const monthAndDay = localDayOf(timezone, time).slice(5);
  const isLeap = nextDay(`${year}-02-28`).slice(5) === '02-29';
  const day = monthAndDay === '02-29' && !isLeap ? `${year}-02-28` : `${year}-${monthAndDay}`;
  const first = new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10);
  return [localDayStart(timezone, first), localDayStart(timezone, nextDay(day))];
}
