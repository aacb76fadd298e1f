/**
 * Time operators as half-open ranges of milliseconds, `from` ≤ t < `to` (null = unbounded): one meaning for filters on columns and in
 * JSON, and for the timeframes of activity and goals.
 */
import type { FilterOperator, TimeframeOperator } from '../schema/operators.ts';
import { daysToMs, timeSpan } from '../schema/values.ts';

export type TimeRange = { readonly from: number | null; readonly to: number | null };

type Ranged = TimeframeOperator | Extract<FilterOperator, 'in_the_next_days'>;

/** Instants at which an evaluation stands: `now` in milliseconds, and the zone in which a bare date is a day. */
export type Clock = { readonly now: number; readonly timezone: string };

/** The range of a positive time operator with values that the schema has accepted. */
export function timeRange(operator: Ranged, texts: readonly string[], { now, timezone }: Clock): TimeRange {
  switch (operator) {
    case 'anytime':
      return { from: null, to: null };
    case 'before_date':
      return { from: null, to: spanAt(texts, 0, timezone).from };
    case 'after_date':
      return { from: spanAt(texts, 0, timezone).to, to: null };
    case 'in_date_range':
      return { from: spanAt(texts, 0, timezone).from, to: spanAt(texts, 1, timezone).to };
    // now − N < t ≤ now, in whole milliseconds
    case 'in_the_last_days':
      return { from: now - daysAt(texts, 0) + 1, to: now + 1 };
    case 'between_days_ago':
      return { from: now - daysAt(texts, 0) + 1, to: now - daysAt(texts, 1) + 1 };
    case 'in_the_next_days':
      return { from: now + 1, to: now + daysAt(texts, 0) + 1 };
  }
}

/**
 * Offsets in milliseconds of the edges of a relative operator: membership of a value at t can change at t + offset, and at no other
 * moment. Empty for absolute operators.
 */
export function edgeOffsets(operator: string, texts: readonly string[]): number[] {
  switch (operator) {
    case 'in_the_last_days':
    case 'not_in_the_last_days':
      return [0, daysAt(texts, 0)];
    case 'between_days_ago':
      return [daysAt(texts, 0), daysAt(texts, 1)];
    case 'in_the_next_days':
      return [-daysAt(texts, 0), 0];
    default:
      return [];
  }
}

function spanAt(texts: readonly string[], at: number, timezone: string) {
  const span = timeSpan(texts[at] ?? '', timezone);
  if (!span) throw new RangeError('a date that the schema does not accept');
  return span;
}

function daysAt(texts: readonly string[], at: number): number {
  const ms = daysToMs(texts[at] ?? '');
  if (ms === null) throw new RangeError('a number of days that the schema does not accept');
  return ms;
}
