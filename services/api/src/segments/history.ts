/** The days of segments.history: one entry per day of a range, from the days that had joins or leaves. */
import { localDayOf, nextDay, parseDateTime } from '@muster/domain';
import type { SegmentDay } from '@muster/postgres';
import { invalid } from '../http/errors.ts';
import { type Query, textParam } from '../http/query.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
export const MAX_DAYS = 366;

export type DayRange = { from: string; to: string };

/** `from` and `to`, both included; by default the 30 days up to today in the zone. @throws ApiError 422 */
export function rangeParams(query: Query, zone: string, now: number): DayRange {
  const to = dayParam(query, 'to') ?? localDayOf(zone, now);
  const from = dayParam(query, 'from') ?? daysBefore(to, DEFAULT_DAYS - 1);
  if (from > to) throw invalid('from', 'invalid_value', 'from must not be after to.');
  if (daysBefore(to, MAX_DAYS - 1) > from) throw invalid('from', 'too_large', `The range has at most ${MAX_DAYS} days.`);
  return { from, to };
}

function dayParam(query: Query, name: string): string | undefined {
  const text = textParam(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || !parseDateTime(text, 'UTC').ok)
    throw invalid(name, 'invalid_datetime', `${name} is an existing day as YYYY-MM-DD.`);
  return text;
}

const daysBefore = (day: string, days: number) => new Date(Date.parse(`${day}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);

/** Days without a change carry the size on; before the first change it is 0. `known` is sorted and may begin before the range. */
export function everyDay({ from, to }: DayRange, known: readonly SegmentDay[]): SegmentDay[] {
  const byDay = new Map(known.map((day) => [day.day, day]));
  let size = known.findLast((day) => day.day < from)?.size ?? 0;
  const days: SegmentDay[] = [];
  for (let day = from; day <= to; day = nextDay(day)) {
    const { joins, leaves, size: last } = byDay.get(day) ?? { joins: 0, leaves: 0, size };
    size = last;
    days.push({ day, size, joins, leaves });
  }
  return days;
}
