/** The values of operators: dates, numbers of days, and how each is read. */
import { localDayStart, nextDay, parseDateTime } from '@muster/domain';
import type { Arity } from './operators.ts';

const DAY_MS = 86_400_000;
/** A century: more would reach beyond the times that the databases hold. */
export const MAX_DAYS = 36_525;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DAYS = /^\d{1,9}(\.\d{1,20})?$/;

/** `from` ≤ instant < `to`, milliseconds since the epoch: one instant, or a whole local day. */
export type Span = { readonly from: number; readonly to: number };

/**
 * The span of a time value: an RFC 3339 instant is one millisecond, a `YYYY-MM-DD` the whole local day, from its first instant to the
 * first of the next. Null when it is neither, does not exist, or lies outside 1900…2299.
 */
export function timeSpan(text: string, timezone: string): Span | null {
  const parsed = parseDateTime(text, timezone);
  if (!parsed.ok) return null;
  return DATE.test(text) ? { from: parsed.ms, to: localDayStart(timezone, nextDay(text)) } : { from: parsed.ms, to: parsed.ms + 1 };
}

/** Milliseconds of a number of days (N × 24 h, rounded to the millisecond), or null when it is none. */
export function daysToMs(text: string): number | null {
  if (!DAYS.test(text)) return null;
  const days = Number(text);
  return days <= MAX_DAYS ? Math.round(days * DAY_MS) : null;
}

/** Whole days in a number of days, for windows of calendar days. */
export const wholeDays = (text: string): number => Math.floor(Number(text));

export type ValueFault = { at: number | null; code: string; message: string };

const EXAMPLE = 'RFC 3339 like 2026-01-31T10:00:00Z, or a day like 2026-01-31';

/** What is wrong with the texts given to an operator of that arity; `at` is the position of the faulty one. */
export function faultsOfTexts(arity: Arity, texts: readonly string[], timezone: string): ValueFault[] {
  const wanted = arity === 'date' || arity === 'days' ? 1 : 2;
  if (texts.length !== wanted) {
    const plural = wanted === 1 ? 'value' : 'values';
    return [{ at: null, code: 'wrong_arity', message: `takes ${wanted} ${plural}` }];
  }
  return arity === 'date' || arity === 'dates' ? faultsOfDates(texts, timezone) : faultsOfDays(texts);
}

function faultsOfDates(texts: readonly string[], timezone: string): ValueFault[] {
  const spans = texts.map((text) => timeSpan(text, timezone));
  const faults = spans.flatMap((span, at): ValueFault[] =>
    span ? [] : [{ at, code: 'invalid_datetime', message: `must be an existing time between 1900 and 2299: ${EXAMPLE}` }],
  );
  const [start, end] = spans;
  // A day that a zone skipped is empty and still a range of its own.
  if (start && end && start.from >= end.to && start.from !== end.from)
    faults.push({ at: 1, code: 'invalid_value', message: 'the end must not be before the start' });
  return faults;
}

function faultsOfDays(texts: readonly string[]): ValueFault[] {
  const ms = texts.map(daysToMs);
  const faults = ms.flatMap((value, at): ValueFault[] => {
    // The nearer end of a window between two days may be today itself.
    const positive = value !== null && (value > 0 || (at === 1 && value === 0));
    return positive ? [] : [{ at, code: 'invalid_days', message: `must be a positive number of days, at most ${MAX_DAYS}` }];
  });
  const [far, near] = ms;
  if (faults.length === 0 && far != null && near != null && far <= near)
    faults.push({ at: 1, code: 'invalid_value', message: 'the first number of days must be the larger one' });
  return faults;
}
