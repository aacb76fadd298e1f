/**
 * Operators on JSON: the value at the end of a path is compared by its own type. What does not fit the operator does not match; nothing
 * in a JSON value is ever an error.
 */
import { isJsonObject, type JsonValue, parseDateTime } from '@muster/domain';
import { type Filter, timeTexts } from '../schema/filter.ts';
import { matchesNumber } from './number.ts';
import { containsText } from './text.ts';
import { matchesTime } from './time.ts';
import type { Moment } from './world.ts';

/** @param column the whole value of the field */
export function matchesJson(filter: Filter, column: JsonValue, at: Moment): boolean {
  const value = valueAt(column, filter.json_path ?? []);
  switch (filter.operator) {
    case 'is_set':
      return value !== null;
    case 'equals':
      return equalsAny(filter, value);
    case 'in_array':
      return Array.isArray(value) && value.some((element) => equalsAny(filter, element));
    case 'contains': {
      const text = textOf(value);
      return text !== null && (filter.string_values ?? []).some((part) => containsText(text, part));
    }
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return typeof value === 'number' && matchesNumber(filter, value);
    case 'before_date':
    case 'after_date':
    case 'in_date_range': {
      const instant = instantOf(value, at.timezone);
      return instant !== null && matchesTime(filter.operator, timeTexts(filter), instant, at);
    }
    default:
      throw new RangeError(`${filter.operator} does not apply to JSON`);
  }
}

/** The value at the end of the path, null where a step leads nowhere: JSON null is "not set" too. */
function valueAt(column: JsonValue, path: readonly string[]): JsonValue {
  let value = column;
  for (const step of path) value = stepInto(value, step);
  return value;
}

function stepInto(value: JsonValue, step: string): JsonValue {
  if (Array.isArray(value)) return /^[0-9]+$/.test(step) ? (value[Number(step)] ?? null) : null;
  if (isJsonObject(value)) return Object.hasOwn(value, step) ? (value[step] ?? null) : null;
  return null;
}

/** A text equals one of `string_values`, a number one of `number_values`. */
function equalsAny(filter: Filter, value: JsonValue): boolean {
  if (typeof value === 'number') return (filter.number_values ?? []).includes(value);
  const text = textOf(value);
  return text !== null && (filter.string_values ?? []).includes(text);
}

/** Booleans are the texts `true` and `false`. */
function textOf(value: JsonValue): string | null {
  return typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : null;
}

/**
 * The instant that a JSON text names: RFC 3339 with an offset, or an existing `YYYY-MM-DD` for the first instant of that local day. A
 * leap second is not read here.
 */
function instantOf(value: JsonValue, timezone: string): number | null {
  if (typeof value !== 'string' || value.slice(17, 19) === '60') return null;
  const parsed = parseDateTime(value, timezone);
  return parsed.ok ? parsed.ms : null;
}
