/** Reading the fields that activity events and custom events share. Each reader pushes its issue and returns undefined on a fault. */
import { parseDateTime } from './datetime.ts';
import { type Issue, issue } from './issue.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { isBlank, isLongerThan } from './text.ts';

/** How far ahead of its acceptance an event may lie: clocks of producers differ, by a time zone at most. */
const MAX_AHEAD_MS = 24 * 3_600_000;

export type EventWork = { index: number | undefined; nowMs: number; issues: Issue[]; warnings: Issue[] };

/** Text of at most `max` code points, as given. */
export function readEventText(field: string, value: JsonValue, max: number, work: EventWork): string | undefined {
  if (typeof value !== 'string') return refuse(work, field, 'invalid_type', `${field} must be a string.`);
  if (isLongerThan(value, max)) return refuse(work, field, 'too_long', `${field} has at most ${max} characters; send a shorter one.`);
  return value;
}

/** A key given by a producer: as {@link readEventText}, and not blank. Kept as given: another spelling is another key. */
export function readEventKey(field: string, value: JsonValue, work: EventWork): string | undefined {
  const key = readEventText(field, value, 255, work);
  if (key === undefined || !isBlank(key)) return key;
  return refuse(work, field, 'empty_not_allowed', `${field} must not be empty; leave it out or name one.`);
}

/** RFC 3339 with offset → UTC ISO. */
export function readEventTime(field: string, value: JsonValue, work: EventWork, mayBeAhead: boolean): string | undefined {
  if (typeof value !== 'string') return refuse(work, field, 'invalid_type', `${field} must be a string in RFC 3339 form.`);
  const parsed = parseDateTime(value, null);
  if (!parsed.ok) {
    return refuse(work, field, 'invalid_datetime', `${field} must be an existing time between 1900 and 2299: RFC 3339 with an offset.`);
  }
  if (!mayBeAhead && parsed.ms > work.nowMs + MAX_AHEAD_MS) {
    return refuse(work, field, 'occurred_at_in_future', `${field} is more than 24 hours ahead; send the time at which the event happened.`);
  }
  return parsed.iso;
}

/** A JSON object; its size is bounded by that of the whole event. */
export function readProperties(value: JsonValue, work: EventWork): JsonObject | undefined {
  return isJsonObject(value) ? value : refuse(work, 'properties', 'invalid_type', 'properties must be a JSON object.');
}

/** Records a fault. */
export function refuse(work: EventWork, field: string, code: Issue['code'], message: string): undefined {
  work.issues.push(issue(work.index, field, code, message));
  return undefined;
}
