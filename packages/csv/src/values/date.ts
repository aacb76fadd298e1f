/**
 * Dates and times as files hold them → RFC 3339 UTC, the form the JSON API takes.
 *
 * | written | read as |
 * |---|---|
 * | `2024-03-05`, `2024/3/5`, `2024.03.05` | year, month, day |
 * | `05.03.2024` | day, month, year, unless the column says `mdy` |
 * | `03/05/2024`, `03-05-2024` | by the column's `date`; without one only if a number above 12, or two equal ones, leave one way |
 * | `5 Mar 2024`, `March 5, 2024` | as it says |
 *
 * A time may follow: `T` or a space or `, `, then `14:30`, `14:30:05`, `14:30:05.123`, `2:30 PM`, with `Z`, `UTC`, `GMT`, `+02:00` or
 * `+0200`. Without an offset it is local time of the workspace; without a time, midnight there. Years have four digits.
 */
import { MAX_TIME_MS, MIN_TIME_MS, parseDateTime, zoneOffsetMs } from '@muster/domain';

export type DateOrder = 'dmy' | 'mdy' | 'ymd';

export type DateResult = { ok: true; iso: string } | { ok: false; code: 'invalid_datetime' | 'ambiguous_date' };

const INVALID: DateResult = { ok: false, code: 'invalid_datetime' };
const AMBIGUOUS: DateResult = { ok: false, code: 'ambiguous_date' };

const MAX_LENGTH = 64;
const YEAR_FIRST = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d])/;
const YEAR_LAST = /^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)/;
const DAY_NAME_YEAR = /^(\d{1,2})(?:st|nd|rd|th)?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4})(?!\d)/;
const NAME_DAY_YEAR = /^([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)/;
const TIME =
  /^(?:[Tt]|,? (?:at )?)(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)? ?(Z|z|UTC|GMT|[+-]\d{2}:?\d{2})?$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] as const;
const MONTH_NAMES =
  /^(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)$/;

type Day = { year: number; month: number; day: number; rest: string };

/**
 * Reads a date or time.
 *
 * @param text without white space around it
 * @param order the column's format; null: not known
 * @param timezone IANA name
 */
export function parseDate(text: string, order: DateOrder | null, timezone: string): DateResult {
  const standard = parseDateTime(text, timezone);
  if (standard.ok) return standard;
  if (text.length > MAX_LENGTH) return INVALID;
  const day = readDay(text, order);
  if ('ok' in day) return day;
  return day.rest === '' ? toResult(`${isoDay(day)}`, timezone) : withTime(day, timezone);
}

/** The order that these values can only have; null when they tell nothing, or contradict each other. */
export function dateEvidence(values: readonly string[]): DateOrder | null {
  let found: DateOrder | null = null;
  for (const value of values) {
    const match = YEAR_LAST.exec(value.trim());
    if (match === null || match[2] === '.') continue;
    const first = Number(match[1]);
    const second = Number(match[3]);
    if (first > 12 === second > 12) continue;
    const order = first > 12 ? 'dmy' : 'mdy';
    if (found !== null && found !== order) return null;
    found = order;
  }
  return found;
}

/** Whether a text has the form of a date, whatever its order. */
export function looksLikeDate(text: string): boolean {
  return text.length <= MAX_LENGTH && (parseDate(text, null, 'UTC').ok || YEAR_LAST.test(text));
}

function readDay(text: string, order: DateOrder | null): Day | DateResult {
  let match = YEAR_FIRST.exec(text);
  if (match !== null) return dayOf(match, match[1], match[3], match[4], text);
  match = YEAR_LAST.exec(text);
  if (match !== null) {
    const known = order === 'dmy' || order === 'mdy' ? order : match[2] === '.' ? 'dmy' : onlyOrder(Number(match[1]), Number(match[3]));
    if (known === null) return AMBIGUOUS;
    return known === 'dmy' ? dayOf(match, match[4], match[3], match[1], text) : dayOf(match, match[4], match[1], match[3], text);
  }
  match = DAY_NAME_YEAR.exec(text);
  if (match !== null) return dayOf(match, match[3], monthOf(match[2]), match[1], text);
  match = NAME_DAY_YEAR.exec(text);
  return match === null ? INVALID : dayOf(match, match[3], monthOf(match[1]), match[2], text);
}

function onlyOrder(first: number, second: number): 'dmy' | 'mdy' | null {
  if (first === second || first > 12) return 'dmy';
  return second > 12 ? 'mdy' : null;
}

function dayOf(match: RegExpExecArray, year: string | undefined, month: string | undefined, day: string | undefined, text: string): Day {
  return { year: Number(year), month: Number(month), day: Number(day), rest: text.slice(match[0].length) };
}

function monthOf(name: string | undefined): string {
  const lower = (name ?? '').toLowerCase();
  return MONTH_NAMES.test(lower) ? String(MONTHS.findIndex((month) => lower.startsWith(month)) + 1) : '0';
}

function withTime({ rest, ...day }: Day, timezone: string): DateResult {
  const match = TIME.exec(rest);
  if (match === null) return INVALID;
  const hour = hourOf(Number(match[1]), match[5]);
  if (hour === null) return INVALID;
  const clock = `${pad(hour)}:${match[2]}:${match[3] ?? '00'}${match[4] === undefined ? '' : `.${match[4]}`}`;
  const zone = match[6];
  if (zone === undefined) return localTime(`${isoDay({ ...day, rest })}T${clock}Z`, timezone);
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : 'Z';
  return toResult(`${isoDay({ ...day, rest })}T${clock}${offset}`, null);
}

function hourOf(hour: number, half: string | undefined): number | null {
  if (half === undefined) return hour;
  if (hour < 1 || hour > 12) return null;
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
}

/** Local time → instant. Of a time that comes twice the first one; one that DST skips is moved on by what was skipped. */
function localTime(asUtc: string, timezone: string): DateResult {
  const parsed = parseDateTime(asUtc, null);
  if (!parsed.ok) return INVALID;
  const wall = parsed.ms;
  const before = zoneOffsetMs(timezone, wall - DAY_MS);
  const after = zoneOffsetMs(timezone, wall + DAY_MS);
  const early = wall - Math.max(before, after);
  const late = wall - Math.min(before, after);
  const ms = early + zoneOffsetMs(timezone, early) === wall ? early : late + zoneOffsetMs(timezone, late) === wall ? late : wall - before;
  return ms >= MIN_TIME_MS && ms <= MAX_TIME_MS ? { ok: true, iso: new Date(ms).toISOString() } : INVALID;
}

const DAY_MS = 86_400_000;

function toResult(text: string, timezone: string | null): DateResult {
  const parsed = parseDateTime(text, timezone);
  return parsed.ok ? parsed : INVALID;
}

function isoDay({ year, month, day }: Day): string {
  return `${String(year).padStart(4, '0')}-${pad(month)}-${pad(day)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
