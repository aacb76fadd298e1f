/** Anniversaries: which days of the year fall within the next days, as numbers month × 100 + day. */
import { localDayOf, nextDay } from '@muster/domain';
import { wholeDays } from '../schema/values.ts';
import type { Clock } from './time-range.ts';

const LEAP_DAY = 229;

/** Days of the year from today to today + N, in the zone. 29 February counts as the 28th in years that do not have it. */
export function anniversaryDays(text: string, { now, timezone }: Clock): number[] {
  // Every day of the year is in a window of a year; a leap year has 366.
  const days = Math.min(wholeDays(text), 366);
  const found = new Set<number>();
  let day = localDayOf(timezone, now);
  for (let n = 0; n <= days; n += 1) {
    const monthDay = Number(day.slice(5, 7)) * 100 + Number(day.slice(8, 10));
    found.add(monthDay);
    const next = nextDay(day);
    if (monthDay === 228 && next.slice(5) === '03-01') found.add(LEAP_DAY);
    day = next;
  }
  return [...found].sort((a, b) => a - b);
}
