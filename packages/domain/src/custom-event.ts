/**
 * Custom events and goals: mutable events with a key of their own, `(event_name, external_id)` within a workspace.
 * The last accepted write wins as a whole, so a normalised event holds everything that is known about it.
 */
import { type Normalised, readExternalId } from './contact.ts';
import { MAX_GOAL_DIGITS, MAX_GOAL_FRACTION, normaliseGoalValue } from './decimal.ts';
import { normaliseEmail } from './email.ts';
import { type EventWork, readEventKey, readEventText, readEventTime, readProperties, refuse } from './event-fields.ts';
import { issue } from './issue.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { MAX_EVENT_BYTES, measureShape } from './shape.ts';
import { ignoredField } from './warnings.ts';

export const GOAL_TYPES = ['purchase', 'subscription', 'lead', 'signup', 'booking', 'trial', 'other'] as const;
export type GoalType = (typeof GOAL_TYPES)[number];

export const EVENT_NAME_PATTERN = /^[a-z0-9_./-]{1,100}$/;

export type CustomEvent = {
  event_name: string;
  /** The event's own key, not the contact's. */
  external_id: string;
  /** The contact: at least one of `email` and `contact_external_id` is there. */
  email?: string;
  contact_external_id?: string;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`; absent = kept from the earlier version, or the time of acceptance. */
  occurred_at?: string;
  properties?: JsonObject;
  goal_name?: string;
  goal_type?: GoalType;
  /** Canonical decimal text, see {@link normaliseGoalValue}. */
  goal_value?: string;
  /** Deleted since; null or absent = live. */
  deleted_at?: string | null;
};

export type NormalisedCustomEvent = Normalised<'event', CustomEvent>;

const TYPES: ReadonlySet<string> = new Set(GOAL_TYPES);
const FIELDS: ReadonlySet<string> = new Set([
  ...['event_name', 'external_id', 'email', 'contact_external_id', 'occurred_at', 'properties'],
  ...['goal_name', 'goal_type', 'goal_value', 'deleted_at'],
]);

/**
 * Normalises one custom event. A field that is null counts as absent, `deleted_at: null` as live.
 *
 * @param input the parsed JSON item; {@link checkShape} with 32 KiB is part of this function
 * @param nowMs time of acceptance, ms
 * @param index position in the request, put into every issue
 */
export function normaliseCustomEvent(input: unknown, nowMs: number, index?: number): NormalisedCustomEvent {
  if (!isJsonObject(input)) {
    return { ok: false, issues: [issue(index, '', 'invalid_type', 'A custom event must be a JSON object.')], warnings: [] };
  }
  const bytes = measureShape(input, MAX_EVENT_BYTES, index);
  if (typeof bytes !== 'number') return { ok: false, issues: [bytes], warnings: [] };

  const work: EventWork = { index, nowMs, issues: [], warnings: [] };
  const fields: Partial<CustomEvent> = {};
  const given = new Set<string>();
  for (const name of Object.keys(input)) {
    const value = input[name] as JsonValue;
    if (value === null && FIELDS.has(name)) {
      if (name === 'deleted_at') fields.deleted_at = null;
      continue;
    }
    given.add(name);
    readField(fields, name, value, work);
  }
  for (const name of ['event_name', 'external_id']) {
    if (!given.has(name)) refuse(work, name, 'required', `${name} is required; add it.`);
  }
  if (!given.has('email') && !given.has('contact_external_id')) {
    refuse(work, 'email', 'required', 'The email of the contact (or contact_external_id) is required; add it.');
  }
  if ((fields.goal_type === 'purchase' || fields.goal_type === 'subscription') && !given.has('goal_value')) {
    refuse(work, 'goal_value', 'goal_value_required', 'A purchase or subscription needs a goal_value; add it.');
  }
  const { event_name, external_id } = fields;
  if (work.issues.length > 0 || event_name === undefined || external_id === undefined) {
    return { ok: false, issues: work.issues, warnings: work.warnings };
  }
  return { ok: true, event: Object.assign(fields, { event_name, external_id }), warnings: work.warnings };
}

function readField(event: Partial<CustomEvent>, name: string, value: JsonValue, work: EventWork): void {
  switch (name) {
    case 'event_name':
      if (typeof value === 'string' && EVENT_NAME_PATTERN.test(value)) event.event_name = value;
      else refuse(work, name, 'invalid_event_name', 'event_name must be 1 to 100 characters of a-z, 0-9, _ . / and -.');
      return;
    case 'external_id':
      put(event, name, readEventKey(name, value, work));
      return;
    case 'contact_external_id':
      put(event, name, readExternalId(value, name, work.index, work.issues));
      return;
    case 'email': {
      const result = normaliseEmail(value, work.index);
      if (result.ok) event.email = result.email;
      else work.issues.push(result.issue);
      return;
    }
    case 'occurred_at':
      put(event, name, readEventTime(name, value, work, false));
      return;
    case 'deleted_at':
      put(event, name, readEventTime(name, value, work, true));
      return;
    case 'properties': {
      const properties = readProperties(value, work);
      if (properties !== undefined) event.properties = properties;
      return;
    }
    case 'goal_name':
      put(event, name, readEventText(name, value, 100, work));
      return;
    case 'goal_type':
      if (typeof value === 'string' && TYPES.has(value)) event.goal_type = value as GoalType;
      else refuse(work, name, 'invalid_goal_type', `goal_type must be one of ${GOAL_TYPES.join(', ')}.`);
      return;
    case 'goal_value': {
      const text = normaliseGoalValue(value);
      if (text !== null) event.goal_value = text;
      else {
        const limits = `at most ${MAX_GOAL_DIGITS} significant digits, at most ${MAX_GOAL_FRACTION} of them after the point`;
        refuse(work, name, 'invalid_goal_value', `goal_value must be a number with ${limits}.`);
      }
      return;
    }
    default:
      ignoredField(work.warnings, work.index, name, 'There is no such field; it was ignored. Put data of your own into properties.');
  }
}

type TextField = 'external_id' | 'contact_external_id' | 'occurred_at' | 'deleted_at' | 'goal_name';

function put(event: Partial<CustomEvent>, name: TextField, value: string | undefined): void {
  if (value !== undefined) event[name] = value;
}
