/**
 * Time operators of filters, and timeframes, which mean the same: an instant against dates or days from now. All instants are whole
 * milliseconds.
 */
import { localDayOf, nextDay } from '@muster/domain';
import type { FilterOperator, TimeframeOperator } from '../schema/operators.ts';
import { daysToMs, type Span, timeSpan, wholeDays } from '../schema/values.ts';
import type { Moment } from './world.ts';

/** @param texts the dates or numbers of days that the operator takes */
export function matchesTime(operator: FilterOperator | TimeframeOperator, texts: readonly string[], t: number, at: Moment): boolean {
  const { now, timezone } = at;
  switch (operator) {
    case 'anytime':
      return true;
    case 'before_date':
      return t < span(texts[0], timezone).from;
    case 'after_date':
      return t >= span(texts[0], timezone).to;
    case 'in_date_range':
      return span(texts[0], timezone).from <= t && t < span(texts[1], timezone).to;
    case 'in_the_last_days':
      return now - days(texts[0]) < t && t <= now;
    case 'between_days_ago':
      return now - days(texts[0]) < t && t <= now - days(texts[1]);
    case 'in_the_next_days':
      return now < t && t <= now + days(texts[0]);
    case 'anniversary_in_the_next_days':
      return hasAnniversary(t, wholeDays(texts[0] ?? ''), at);
    default:
      throw new RangeError(`${operator} does not apply to a time`);
  }
}

/** A bare date spans its whole local day, an instant itself alone. */
function span(text: string | undefined, timezone: string): Span {
  const found = timeSpan(text ?? '', timezone);
  if (found === null) throw new RangeError('not a time');
  return found;
}

function days(text: string | undefined): number {
  const found = daysToMs(text ?? '');
  if (found === null) throw new RangeError('not a number of days');
  return found;
}

/** Any day from today on in 366 days is the anniversary of any date. */
const YEAR_DAYS = 366;

/** Whether one of the calendar days from today to `count` days later is an anniversary of the local day of `t`. */
function hasAnniversary(t: number, count: number, { now, timezone }: Moment): boolean {
  const monthAndDay = localDayOf(timezone, t).slice(5);
  let day = localDayOf(timezone, now);
  for (let n = 0; n <= Math.min(count, YEAR_DAYS); n++) {
    if (isAnniversary(day, monthAndDay)) return true;
    day = nextDay(day);
  }
  return false;
}

/** 29 February counts as the 28th in years that have none. */
function isAnniversary(day: string, monthAndDay: string): boolean {
  if (day.slice(5) === monthAndDay) return true;
  return monthAndDay === '02-29' && day.slice(5) === '02-28' && nextDay(day).slice(5) === '03-01';
}
