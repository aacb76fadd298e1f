/**
 * Activity events: what happened to messages. One item of `timeline.ingest` → the event as it is queued and stored.
 *
 * Hand-written over plain objects: this runs for every event accepted. `activityEventInputSchema` documents the same shape.
 */
import { type Normalised, readExternalId } from './contact.ts';
import { normaliseEmail } from './email.ts';
import { type EventWork, readEventKey, readEventText, readEventTime, readProperties, refuse } from './event-fields.ts';
import { issue } from './issue.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { MAX_EVENT_BYTES, measureShape } from './shape.ts';
import { ignoredField } from './warnings.ts';

export const MESSAGE_KINDS = [
  'insert_message_history',
  'open_email',
  'click_email',
  'bounce_email',
  'complain_email',
  'unsubscribe_email',
] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

export type ActivityEvent = {
  kind: MessageKind;
  /** Producer's idempotency key. */
  id?: string;
  /** At least one of `email` and `external_id` is there. */
  email?: string;
  external_id?: string;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`; absent = time of acceptance. */
  occurred_at?: string;
  message_id?: string;
  template_id?: string;
  campaign_id?: string;
  list_id?: string;
  link_url?: string;
  properties?: JsonObject;
};

export type NormalisedEvent = Normalised<'event', ActivityEvent>;

const KINDS: ReadonlySet<string> = new Set(MESSAGE_KINDS);
export const MAX_LINK_URL = 2048;

/**
 * Normalises one activity event. A field that is null counts as absent.
 *
 * @param input the parsed JSON item; {@link checkShape} with 32 KiB is part of this function
 * @param nowMs time of acceptance, ms
 * @param index position in the request, put into every issue
 * @param plain the text that it was parsed from is plain, see {@link isPlainJson}
 */
export function normaliseEvent(input: unknown, nowMs: number, index?: number, plain = false): NormalisedEvent {
  if (!isJsonObject(input)) {
    return { ok: false, issues: [issue(index, '', 'invalid_type', 'An event must be a JSON object.')], warnings: [] };
  }
  const bytes = measureShape(input, MAX_EVENT_BYTES, index, plain);
  if (typeof bytes !== 'number') return { ok: false, issues: [bytes], warnings: [] };

  const work: EventWork = { index, nowMs, issues: [], warnings: [] };
  const fields: Partial<ActivityEvent> = {};
  let identified = false;
  for (const name of Object.keys(input)) {
    const value = input[name] as JsonValue;
    if (value === null && FIELDS.has(name)) continue;
    if (name === 'email' || name === 'external_id') identified = true;
    readField(fields, name, value, work);
  }
  if (!identified) refuse(work, 'email', 'required', 'An event needs the email or the external_id of its contact; add one.');
  if (fields.kind === undefined && (input.kind === undefined || input.kind === null)) {
    refuse(work, 'kind', 'required', `kind is required; send one of ${MESSAGE_KINDS.join(', ')}.`);
  }
  const { kind } = fields;
  if (work.issues.length > 0 || kind === undefined) return { ok: false, issues: work.issues, warnings: work.warnings };
  return { ok: true, event: Object.assign(fields, { kind }), warnings: work.warnings };
}

const FIELDS: ReadonlySet<string> = new Set([
  ...['id', 'email', 'external_id', 'kind', 'occurred_at', 'message_id', 'template_id', 'campaign_id', 'list_id', 'link_url', 'properties'],
]);

function readField(event: Partial<ActivityEvent>, name: string, value: JsonValue, work: EventWork): void {
  switch (name) {
    case 'kind':
      if (typeof value === 'string' && KINDS.has(value)) event.kind = value as MessageKind;
      else refuse(work, 'kind', 'invalid_kind', `kind must be one of ${MESSAGE_KINDS.join(', ')}.`);
      return;
    case 'email': {
      const result = normaliseEmail(value, work.index);
      if (result.ok) event.email = result.email;
      else work.issues.push(result.issue);
      return;
    }
    case 'external_id':
      put(event, name, readExternalId(value, name, work.index, work.issues));
      return;
    case 'id':
    case 'list_id':
      put(event, name, readEventKey(name, value, work));
      return;
    case 'message_id':
    case 'template_id':
    case 'campaign_id':
      put(event, name, readEventText(name, value, 255, work));
      return;
    case 'link_url':
      put(event, name, readEventText(name, value, MAX_LINK_URL, work));
      return;
    case 'occurred_at':
      put(event, name, readEventTime(name, value, work, false));
      return;
    case 'properties': {
      const properties = readProperties(value, work);
      if (properties !== undefined) event.properties = properties;
      return;
    }
    default:
      ignoredField(work.warnings, work.index, name, 'There is no such field; it was ignored. Put data of your own into properties.');
  }
}

type TextField = 'id' | 'external_id' | 'list_id' | 'message_id' | 'template_id' | 'campaign_id' | 'link_url' | 'occurred_at';

function put(event: Partial<ActivityEvent>, name: TextField, value: string | undefined): void {
  if (value !== undefined) event[name] = value;
}
