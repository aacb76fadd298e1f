/**
 * One contact of a request → a patch: every value in the form it is stored in, tri-state kept
 * (absent = keep, `null` = remove, value = set), every fault reported.
 *
 * Hand-written over plain objects: this runs for every contact accepted. `contactInputSchema` documents the same shape.
 */
import { type ContactField, contactField, READ_ONLY_FIELDS } from './contact-fields.ts';
import { normaliseCountry } from './country.ts';
import { parseDateTime } from './datetime.ts';
import { normaliseEmail } from './email.ts';
import { type Issue, issue } from './issue.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { normaliseLanguage } from './language.ts';
import { normalisePhone } from './phone.ts';
import { jsonBytes, MAX_CONTACT_BYTES, MAX_JSON_FIELD_BYTES, measureShape } from './shape.ts';
import { isLongerThan, trimText } from './text.ts';
import { canonicalTimeZone } from './timezone.ts';
import { ignoredField } from './warnings.ts';

/** The workspace's settings that normalisation needs. */
export type NormaliseContext = {
  /** IANA name: midnight of a bare date. */
  timezone: string;
  /** ISO 3166-1 alpha-2: hint for phone numbers of items without a country. */
  country: string | null;
};

export type FieldValue = null | string | number | JsonObject | JsonValue[];

/** Fields given by one item; what is not named stays as it is. */
export type ProfilePatch = {
  email?: string;
  external_id?: string | null;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ` */
  created_at?: string;
  fields: Record<string, FieldValue>;
};

export type ContactPatch = ProfilePatch & { email: string };

export type Normalised<Key extends string, Value> =
  | ({ ok: true; warnings: Issue[] } & Record<Key, Value>)
  | { ok: false; issues: Issue[]; warnings: Issue[] };

export type NormalisedContact = Normalised<'patch', ContactPatch>;
export type NormalisedProfile = Normalised<'patch', ProfilePatch>;

export const MAX_EXTERNAL_ID = 255;

/**
 * Normalises one contact.
 *
 * @param input the parsed JSON item; {@link checkShape} with 256 KiB is part of this function
 * @param index position in the request, put into every issue
 * @returns the patch, or one issue per faulty field; `warnings` in either case
 */
export function normaliseContact(input: unknown, ctx: NormaliseContext, index?: number): NormalisedContact {
  const result = normaliseProfile(input, ctx, index, true);
  if (!result.ok) return result;
  const email = result.patch.email;
  // normaliseProfile with a required email reports its absence as an issue.
  if (email === undefined) throw new Error('normaliseProfile let an item without an email through');
  return { ok: true, patch: Object.assign(result.patch, { email }), warnings: result.warnings };
}

/** As {@link normaliseContact}, for items that may name their contact by `external_id` alone (`emailRequired: false`). */
export function normaliseProfile(
  input: unknown,
  ctx: NormaliseContext,
  index: number | undefined,
  emailRequired: boolean,
): NormalisedProfile {
  if (!isJsonObject(input)) {
    return { ok: false, issues: [issue(index, '', 'invalid_type', 'A contact must be a JSON object.')], warnings: [] };
  }
  const bytes = measureShape(input, MAX_CONTACT_BYTES, index);
  if (typeof bytes !== 'number') return { ok: false, issues: [bytes], warnings: [] };

  const work: Work = { ctx, index, emailRequired, issues: [], warnings: [], jsonMayBeTooLarge: bytes > MAX_JSON_FIELD_BYTES };
  const patch: ProfilePatch = { fields: {} };
  let phone: string | undefined;
  let country: string | null = null;

  for (const name of Object.keys(input)) {
    const value = input[name] as JsonValue;
    const field = contactField(name);
    if (field === undefined) {
      readIdentity(name, value, patch, work);
      continue;
    }
    if (value === null) {
      patch.fields[name] = null;
      continue;
    }
    const stored = readField(field, value, work);
    if (stored === undefined) continue;
    patch.fields[name] = stored;
    // A number is read once the whole item is known: its country, the hint, may come after it.
    if (field.rule === 'phone') phone = stored as string;
    else if (field.rule === 'country') country = normaliseCountry(stored as string);
  }
  if (emailRequired && !Object.hasOwn(input, 'email')) readIdentity('email', undefined, patch, work);
  if (phone !== undefined && phone !== '') patch.fields.phone = readPhone(phone, country ?? ctx.country, work);

  return work.issues.length > 0
    ? { ok: false, issues: work.issues, warnings: work.warnings }
    : { ok: true, patch, warnings: work.warnings };
}

type Work = {
  ctx: NormaliseContext;
  index: number | undefined;
  emailRequired: boolean;
  issues: Issue[];
  warnings: Issue[];
  jsonMayBeTooLarge: boolean;
};

/** The fields that are no profile fields: identifiers, `created_at`, and everything that is ignored. */
function readIdentity(name: string, value: JsonValue | undefined, patch: ProfilePatch, work: Work): void {
  if (name === 'email') {
    if (value === null && !work.emailRequired) return;
    const result = normaliseEmail(value, work.index);
    if (result.ok) patch.email = result.email;
    else work.issues.push(result.issue);
  } else if (name === 'external_id') {
    if (value === null) patch.external_id = null;
    else {
      const id = readExternalId(value, 'external_id', work.index, work.issues);
      if (id !== undefined) patch.external_id = id;
    }
  } else if (name === 'created_at' && value !== null) {
    const iso = readDateTime(name, value as JsonValue, null, work);
    if (iso !== undefined) patch.created_at = iso;
  } else {
    const why =
      name === 'created_at'
        ? 'created_at cannot be removed; the null was ignored.'
        : READ_ONLY_FIELDS.has(name)
          ? 'This field is read-only and was ignored; leave it out.'
          : 'There is no such field; it was ignored. Use a custom_* field for data of your own.';
    ignoredField(work.warnings, work.index, name, why);
  }
}

/** An identifier given by a producer: trimmed, 1…255 code points; pushes its issue and returns undefined when it is not one. */
export function readExternalId(value: unknown, field: string, index: number | undefined, issues: Issue[]): string | undefined {
  if (typeof value !== 'string') {
    issues.push(issue(index, field, 'invalid_type', `${field} must be a string.`));
    return undefined;
  }
  const id = trimText(value);
  if (id === '') {
    issues.push(issue(index, field, 'empty_not_allowed', `${field} must not be empty; leave it out or name one.`));
    return undefined;
  }
  if (isLongerThan(id, MAX_EXTERNAL_ID)) {
    issues.push(issue(index, field, 'too_long', `${field} has at most ${MAX_EXTERNAL_ID} characters; send a shorter one.`));
    return undefined;
  }
  return id;
}

function readField(field: ContactField, value: JsonValue, work: Work): FieldValue | undefined {
  switch (field.rule) {
    case 'number':
      // checkShape has refused numbers that are not finite. Adding 0 turns -0 into 0.
      if (typeof value === 'number') return value + 0;
      return refuse(work, field.name, 'invalid_type', `${field.name} must be a JSON number, without quotes.`);
    case 'datetime':
      return readDateTime(field.name, value, work.ctx.timezone, work);
    case 'json':
      if (typeof value !== 'object' || value === null) {
        return refuse(work, field.name, 'invalid_json_value', `${field.name} must be a JSON object or array.`);
      }
      if (work.jsonMayBeTooLarge && jsonBytes(value) > MAX_JSON_FIELD_BYTES) {
        return refuse(
          work,
          field.name,
          'too_large',
          `${field.name} is larger than ${MAX_JSON_FIELD_BYTES / 1024} KiB of JSON; send less data.`,
        );
      }
      return value;
    default:
      return readText(field, value, work);
  }
}

function readText(field: ContactField, value: JsonValue, work: Work): string | undefined {
  if (typeof value !== 'string') return refuse(work, field.name, 'invalid_type', `${field.name} must be a string.`);
  const text = field.rule === 'verbatim' ? value : trimText(value);
  if (isLongerThan(text, field.max)) {
    return refuse(work, field.name, 'too_long', `${field.name} has at most ${field.max} characters; send a shorter one.`);
  }
  if (text === '') return text;
  switch (field.rule) {
    case 'timezone':
      return canonicalTimeZone(text) ?? keep(work, field.name, 'unrecognised_timezone', 'an IANA time zone like Europe/Berlin', text);
    case 'language':
      return normaliseLanguage(text) ?? keep(work, field.name, 'unrecognised_language', 'a BCP 47 language tag like pt-BR', text);
    case 'country':
      return (
        normaliseCountry(text) ?? keep(work, field.name, 'unrecognised_country', 'an ISO 3166-1 code or an English country name', text)
      );
    default:
      return text;
  }
}

function readPhone(text: string, country: string | null, work: Work): string {
  return normalisePhone(text, country) ?? keep(work, 'phone', 'unrecognised_phone', 'a valid phone number like +14155552671', text);
}

function readDateTime(name: string, value: JsonValue, timezone: string | null, work: Work): string | undefined {
  if (typeof value !== 'string') return refuse(work, name, 'invalid_type', `${name} must be a string in RFC 3339 form.`);
  const parsed = parseDateTime(value, timezone);
  if (parsed.ok) return parsed.iso;
  const forms = timezone === null ? 'RFC 3339 with an offset' : 'RFC 3339 with an offset, or YYYY-MM-DD';
  return refuse(work, name, 'invalid_datetime', `${name} must be an existing time between 1900 and 2299: ${forms}.`);
}

function refuse(work: Work, field: string, code: Issue['code'], message: string): undefined {
  work.issues.push(issue(work.index, field, code, message));
  return undefined;
}

function keep(work: Work, field: string, code: Issue['code'], wanted: string, text: string): string {
  work.warnings.push(issue(work.index, field, code, `${field} was kept as given; send ${wanted} to have it recognised.`));
  return text;
}
