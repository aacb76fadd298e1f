/**
 * Goals and custom events: conditions over the live events of a contact. Money is compared as decimals, never as floating point: the
 * sum of 0.1 and 0.2 is 0.3, and an average is compared as sum against value × count.
 */
import { timeRange } from '../plan/time-range.ts';
import { CUSTOM_KIND_PREFIX, type GoalLeaf, type TimelineLeaf } from '../schema/leaf.ts';
import { type FilterContext, filterCondition, filtersCondition, inRange } from './filter.ts';
import type { Params } from './params.ts';
import { conjunction, type Matched, type Pass } from './pass.ts';

const TIME = 'toUnixTimestamp64Milli(occurred_at)';
const VALUE = 'assumeNotNull(goal_value)';
/** Order of acceptance decides ties; the key makes it total. */
const ORDER = '(occurred_at, accepted_at, ord, event_name, external_id)';

export function goalLeaf(leaf: GoalLeaf, pass: Pass, context: FilterContext): Matched {
  const { params } = context;
  const parts = [inRange(TIME, timeRange(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], context.clock), params)];
  if (leaf.goal_type !== '*') parts.push(`goal_type = ${params.text(leaf.goal_type)}`);
  // An empty name is no name: nothing has it.
  if (leaf.goal_name !== undefined) parts.push(`goal_name != '' AND goal_name = ${params.text(leaf.goal_name)}`);
  if (leaf.event_name !== undefined) parts.push(`event_name = ${params.text(leaf.event_name)}`);
  const filters = filtersCondition(leaf.filters ?? [], leaf.filters_operator ?? 'and', context);
  if (filters) parts.push(filters);
  const condition = conjunction(parts);
  pass.restrict(condition);
  const compare = comparison(leaf, params);
  const valued = `${condition} AND goal_value IS NOT NULL`;
  switch (leaf.aggregate_operator) {
    case 'count':
      return orNothing(compare(`toDecimal128(${pass.aggregate(`countIf(${condition})`)}, 4)`), leaf, pass);
    case 'sum':
      return orNothing(compare(pass.aggregate(`sumIf(${VALUE}, ${valued})`)), leaf, pass);
    case 'avg': {
      const sum = pass.aggregate(`sumIf(${VALUE}, ${valued})`);
      const count = pass.aggregate(`countIf(${valued})`);
      return { bitmap: pass.bitmap(`${count} > 0 AND ${compare(sum, ` * ${count}`)}`), complement: false };
    }
    case 'min':
    case 'max':
      return whereValued(pass, `${leaf.aggregate_operator}OrNullIf(${VALUE}, ${valued})`, compare);
    case 'first':
      return whereValued(pass, `argMinOrNullIf(${VALUE}, ${ORDER}, ${valued})`, compare);
    case 'last':
      return whereValued(pass, `argMaxOrNullIf(${VALUE}, ${ORDER}, ${valued})`, compare);
  }
}

/** Without a value nothing matches. */
function whereValued(pass: Pass, aggregate: string, compare: (value: string) => string): Matched {
  return { bitmap: pass.bitmap(`ifNull(${compare(pass.aggregate(aggregate))}, 0)`), complement: false };
}

/** Contacts without any event have count and sum 0: where 0 matches, the leaf is everybody but those who have events and do not match. */
function orNothing(matches: string, leaf: GoalLeaf, pass: Pass): Matched {
  if (!zeroMatches(leaf)) return { bitmap: pass.bitmap(matches), complement: false };
  return { bitmap: pass.bitmap(`NOT (${matches})`), complement: true };
}

function zeroMatches({ operator, value, value_2 }: GoalLeaf): boolean {
  switch (operator) {
    case 'gt':
      return 0 > value;
    case 'gte':
      return 0 >= value;
    case 'lt':
      return 0 < value;
    case 'lte':
      return 0 <= value;
    case 'eq':
      return value === 0;
    case 'neq':
      return value !== 0;
    case 'between':
      return value <= 0 && 0 <= (value_2 ?? value);
  }
}

const SIGNS = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '!=' } as const;

/** `factor` is put behind the bound: averages are compared without dividing. */
function comparison(leaf: GoalLeaf, params: Params): (value: string, factor?: string) => string {
  const bound = (value: number, factor: string) => `toDecimal256(${params.text(plainDecimal(value))}, 10)${factor}`;
  return (value, factor = '') => {
    if (leaf.operator !== 'between') return `${value} ${SIGNS[leaf.operator]} ${bound(leaf.value, factor)}`;
    return `(${value} >= ${bound(leaf.value, factor)} AND ${value} <= ${bound(leaf.value_2 ?? leaf.value, factor)})`;
  };
}

/** Decimal text without an exponent; the schema lets through at most ten decimals. */
function plainDecimal(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(10) : text;
}

/** Number of live custom events of the kind, each counted once by its latest state. */
export function customKindCount(leaf: TimelineLeaf, pass: Pass, context: FilterContext): string {
  const { params } = context;
  const name = `event_name = ${params.text(leaf.kind.slice(CUSTOM_KIND_PREFIX.length))}`;
  const parts = [name, inRange(TIME, timeRange(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], context.clock), params)];
  // What only messages and lists have, a custom event does not.
  const filters = (leaf.filters ?? []).map((f) => (f.field_name === 'properties' ? filterCondition(f, context) : missing(f.operator)));
  if (filters.length > 0) parts.push(`(${filters.join(leaf.filters_operator === 'or' ? ' OR ' : ' AND ')})`);
  if (leaf.template_id !== undefined) parts.push('0');
  const condition = conjunction(parts);
  pass.restrict(condition);
  return pass.aggregate(`countIf(${condition})`);
}

/** A filter on a column without a value: only a negation matches. */
const missing = (operator: string): string => (operator.startsWith('not_') || operator === 'is_not_set' ? '1' : '0');
