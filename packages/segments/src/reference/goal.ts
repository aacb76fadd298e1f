/** Goal leaves: an aggregate over a contact's live custom events, compared exactly. */
import { goalValueToNumber } from '@muster/domain';
import type { GoalLeaf } from '../schema/leaf.ts';
import { liveEventsOf, textOrNone } from './custom-events.ts';
import { unitsOf } from './exact.ts';
import { matchesFilters } from './filter.ts';
import { matchesTime } from './time.ts';
import type { Moment, World, WorldCustomEvent } from './world.ts';

/** `total` units divided by `count`, so that an average needs no division. */
type Aggregate = { total: bigint; count: bigint };

type Valued = WorldCustomEvent & { goal_value: string };

/** Whether the aggregate compares as the leaf asks; one without a value matches nothing. */
export function matchesGoal(leaf: GoalLeaf, contactId: number, world: World, at: Moment): boolean {
  const events = liveEventsOf(contactId, world).filter((event) => countsFor(leaf, event, at));
  const aggregate = aggregateOf(leaf, events);
  return aggregate !== null && compares(leaf, aggregate);
}

function countsFor(leaf: GoalLeaf, event: WorldCustomEvent, at: Moment): boolean {
  const row = {
    event_name: event.event_name,
    external_id: event.external_id,
    goal_name: textOrNone(event.goal_name),
    goal_value: event.goal_value === undefined ? null : goalValueToNumber(event.goal_value),
    properties: event.properties,
  };
  return (
    (leaf.goal_type === '*' || event.goal_type === leaf.goal_type) &&
    (leaf.goal_name === undefined || row.goal_name === leaf.goal_name) &&
    (leaf.event_name === undefined || event.event_name === leaf.event_name) &&
    matchesTime(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], event.occurred_at, at) &&
    matchesFilters(leaf.filters, leaf.filters_operator, row, at)
  );
}

/** Events without a `goal_value` are counted by `count` alone. */
function aggregateOf(leaf: GoalLeaf, events: WorldCustomEvent[]): Aggregate | null {
  const valued = events.filter((event): event is Valued => event.goal_value !== undefined).sort(byOrder);
  const values = valued.map((event) => unitsOf(event.goal_value));
  const sum = values.reduce((total, value) => total + value, 0n);
  switch (leaf.aggregate_operator) {
    case 'count':
      return single(unitsOf(String(events.length)));
    case 'sum':
      return single(sum);
    case 'avg':
      return values.length === 0 ? null : { total: sum, count: BigInt(values.length) };
    case 'min':
      return single(values.toSorted(ascending).at(0));
    case 'max':
      return single(values.toSorted(ascending).at(-1));
    case 'first':
      return single(values.at(0));
    case 'last':
      return single(values.at(-1));
  }
}

function single(value: bigint | undefined): Aggregate | null {
  return value === undefined ? null : { total: value, count: 1n };
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Earliest first: by `occurred_at`, then by order of acceptance; the key decides where even that is the same. */
function byOrder(a: WorldCustomEvent, b: WorldCustomEvent): number {
  return (
    a.occurred_at - b.occurred_at ||
    a.accepted_at - b.accepted_at ||
    a.ord - b.ord ||
    byBytes(a.event_name, b.event_name) ||
    byBytes(a.external_id, b.external_id)
  );
}

/** As databases order text, which UTF-16 units would not. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compares({ operator, value, value_2 }: GoalLeaf, { total, count }: Aggregate): boolean {
  const wanted = unitsOf(String(value)) * count;
  switch (operator) {
    case 'gt':
      return total > wanted;
    case 'gte':
      return total >= wanted;
    case 'lt':
      return total < wanted;
    case 'lte':
      return total <= wanted;
    case 'eq':
      return total === wanted;
    case 'neq':
      return total !== wanted;
    case 'between':
      if (value_2 === undefined) throw new RangeError('between takes two values');
      return wanted <= total && total <= unitsOf(String(value_2)) * count;
  }
}
