/** One filter as a condition that is never NULL: a negation is the exact complement, values that are missing included. */
import { anniversaryDays } from '../plan/anniversary.ts';
import { type Clock, type TimeRange, timeRange } from '../plan/time-range.ts';
import { type Filter, timeTexts } from '../schema/filter.ts';
import { type FilterOperator, positiveOf } from '../schema/operators.ts';
import { jsonCompare, jsonContains, jsonEquals, jsonHolds, jsonInArray, jsonInTimeRange, jsonIsSet } from './json.ts';
import type { Params } from './params.ts';
import { search } from './text.ts';

/**
 * How a table shows that there is no value: NULL, or the empty text of a column that cannot be NULL. Names come from the allow-lists of
 * the schema.
 */
export type Emptiness = 'null' | 'empty_text';

export type FilterContext = { params: Params; clock: Clock; emptiness: Emptiness };

const COMPARISONS: Readonly<Partial<Record<FilterOperator, string>>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' };

/**
 * Columns that hold decimals. Filters compare numbers as doubles: a statement that looks for a number beyond the range of a decimal is
 * refused by the database, and one with more digits than a double is found by nobody. Through text, because that conversion rounds once.
 */
const DECIMALS: ReadonlySet<string> = new Set(['goal_value']);

export function filterCondition(filter: Filter, context: FilterContext): string {
  const { operator, negated } = positiveOf(filter.operator);
  const positive = `ifNull(${positiveCondition({ ...filter, operator }, context)}, 0)`;
  return negated ? `NOT ${positive}` : positive;
}

/** Filters of a leaf that say "of one event": all of them, or any. */
export function filtersCondition(filters: readonly Filter[], operator: 'and' | 'or', context: FilterContext): string | null {
  if (filters.length === 0) return null;
  return `(${filters.map((filter) => filterCondition(filter, context)).join(operator === 'and' ? ' AND ' : ' OR ')})`;
}

function positiveCondition(filter: Filter, context: FilterContext): string {
  if (filter.field_type === 'json') return jsonCondition(filter, context);
  const { params, emptiness } = context;
  const column = filter.field_name;
  const number = DECIMALS.has(column) ? `toFloat64(toString(${column}))` : column;
  const isSet = emptiness === 'null' ? `${column} IS NOT NULL` : `${column} != ''`;
  const texts = filter.string_values ?? [];
  const numbers = filter.number_values ?? [];
  switch (filter.operator) {
    case 'is_set':
      return filter.field_type === 'number' ? `${column} IS NOT NULL` : isSet;
    case 'equals':
      if (filter.field_type === 'number') return `${number} IN ${params.numbers(numbers)}`;
      return emptiness === 'null' ? `${column} IN ${params.texts(texts)}` : `(${isSet} AND ${column} IN ${params.texts(texts)})`;
    case 'contains':
    case 'starts_with':
    case 'ends_with':
      return search(filter.operator, column, texts, params);
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return `${number} ${COMPARISONS[filter.operator]} ${params.add('Float64', numbers[0] ?? 0)}`;
    case 'anniversary_in_the_next_days': {
      const { clock } = context;
      const zone = params.text(clock.timezone);
      const monthDay = `toMonth(${column}, ${zone}) * 100 + toDayOfMonth(${column}, ${zone})`;
      return `${monthDay} IN ${params.add('Array(UInt16)', anniversaryDays(timeTexts(filter)[0] ?? '', clock))}`;
    }
    default:
      return inRange(`toUnixTimestamp64Milli(${column})`, rangeOf(filter, context.clock), params);
  }
}

function jsonCondition(filter: Filter, context: FilterContext): string {
  const text = `ifNull(${filter.field_name}, '')`;
  return jsonHolds(text, filter.json_path ?? [], (v) => jsonValueCondition(v, filter, context), context.params);
}

function jsonValueCondition(v: string, filter: Filter, { params, clock }: FilterContext): string {
  const texts = filter.string_values ?? [];
  const numbers = filter.number_values ?? [];
  switch (filter.operator) {
    case 'is_set':
      return jsonIsSet(v);
    case 'equals':
      return jsonEquals(v, texts, numbers, params);
    case 'in_array':
      return jsonInArray(v, texts, numbers, params);
    case 'contains':
      return jsonContains(v, texts, params);
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return jsonCompare(v, COMPARISONS[filter.operator] ?? '', numbers[0] ?? 0, params);
    default:
      return jsonInTimeRange(v, rangeOf(filter, clock), clock.timezone, params);
  }
}

function rangeOf(filter: Filter, clock: Clock): TimeRange {
  switch (filter.operator) {
    case 'before_date':
    case 'after_date':
    case 'in_date_range':
    case 'in_the_last_days':
    case 'between_days_ago':
    case 'in_the_next_days':
      return timeRange(filter.operator, timeTexts(filter), clock);
    default:
      throw new RangeError(`${filter.operator} is not an operator on times`);
  }
}

/** Whether milliseconds lie in a range. */
export function inRange(ms: string, range: TimeRange, params: Params): string {
  const bounds: string[] = [];
  if (range.from !== null) bounds.push(`${ms} >= ${params.ms(range.from)}`);
  if (range.to !== null) bounds.push(`${ms} < ${params.ms(range.to)}`);
  return bounds.length === 0 ? '1' : bounds.join(' AND ');
}
