/**
 * One filter against one row of named values: a contact's fields, or those of an event.
 *
 * A negation is the exact complement of its positive operator, so only positive ones are written out; a value that is absent matches
 * none of them.
 */
import type { JsonValue } from '@muster/domain';
import { type Filter, timeTexts } from '../schema/filter.ts';
import { positiveOf } from '../schema/operators.ts';
import { matchesJson } from './json.ts';
import { matchesNumber } from './number.ts';
import { containsText, folded } from './text.ts';
import { matchesTime } from './time.ts';
import type { Moment } from './world.ts';

/** Values by the name of the field; null is the same as absent. Times are ms or ISO text. */
export type Row = Readonly<Record<string, JsonValue | undefined>>;

export function matchesFilter(filter: Filter, row: Row, at: Moment): boolean {
  const { operator, negated } = positiveOf(filter.operator);
  const value = row[filter.field_name] ?? null;
  return (value !== null && matchesPositive({ ...filter, operator }, value, at)) !== negated;
}

/** All of the filters, or with `or` any of them; no filter restricts nothing. */
export function matchesFilters(
  filters: readonly Filter[] | undefined,
  combination: 'and' | 'or' | undefined,
  row: Row,
  at: Moment,
): boolean {
  if (filters === undefined || filters.length === 0) return true;
  return combination === 'or'
    ? filters.some((filter) => matchesFilter(filter, row, at))
    : filters.every((filter) => matchesFilter(filter, row, at));
}

function matchesPositive(filter: Filter, value: JsonValue, at: Moment): boolean {
  switch (filter.field_type) {
    case 'string':
      return typeof value === 'string' && matchesText(filter, value);
    case 'number':
      return typeof value === 'number' && (filter.operator === 'is_set' || matchesNumber(filter, value));
    case 'time':
      return filter.operator === 'is_set' || matchesTime(filter.operator, timeTexts(filter), instantOf(value), at);
    case 'json':
      return matchesJson(filter, value, at);
  }
}

function instantOf(value: JsonValue): number {
  return typeof value === 'number' ? value : Date.parse(String(value));
}

function matchesText({ operator, string_values: values = [] }: Filter, text: string): boolean {
  switch (operator) {
    case 'is_set':
      return true;
    case 'equals':
      return values.includes(text);
    case 'contains':
      return values.some((value) => containsText(text, value));
    case 'starts_with':
      return values.some((value) => folded(text).startsWith(folded(value)));
    case 'ends_with':
      return values.some((value) => folded(text).endsWith(folded(value)));
    default:
      throw new RangeError(`${operator} does not apply to a string`);
  }
}
