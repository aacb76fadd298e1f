/**
 * Request shapes as producers send them, for the API document. The hot calls are checked by the hand-written functions
 * (`normaliseContact`, `normaliseEvent`, `normaliseCustomEvent`), whose rules the descriptions state.
 */
import { z } from 'zod';
import { MAX_LINK_URL, MESSAGE_KINDS } from './activity-event.ts';
import { CONTACT_FIELD_RULES, type ContactField, type FieldRule } from './contact-fields.ts';
import { GOAL_TYPES } from './custom-event.ts';
import { listIdsSchema } from './lists.ts';

/** Most items of one batch call. */
export const MAX_BATCH_ITEMS = 5_000;

const NOTES: Record<FieldRule, string> = {
  trimmed: 'Surrounding white space is removed',
  verbatim: 'Stored as given',
  phone: 'Stored as E.164 when recognised (hint: the country of the contact), else kept with warning `unrecognised_phone`',
  timezone: 'IANA name; anything else is kept with warning `unrecognised_timezone`',
  language: 'BCP 47 (`_` reads as `-`); anything else is kept with warning `unrecognised_language`',
  country: 'Stored as ISO 3166-1 alpha-2 when recognised (code or English name), else kept with warning `unrecognised_country`',
  number: 'Finite number; a numeric string is an error',
  datetime: 'RFC 3339 with offset, or `YYYY-MM-DD` = midnight in the timezone of the workspace',
  json: 'Object or array of at most 32 KiB',
};

const jsonObject = z.record(z.string(), z.unknown());

function inputOf(field: ContactField): z.ZodType {
  const note = field.max > 0 ? `${NOTES[field.rule]}; at most ${field.max} characters` : NOTES[field.rule];
  if (field.rule === 'number') return z.number().nullish().describe(note);
  if (field.rule === 'json')
    return z
      .union([jsonObject, z.array(z.unknown())])
      .nullish()
      .describe(note);
  return z.string().nullish().describe(note);
}

const email = z.string().describe('Email address, at most 254 bytes; letter case and surrounding white space do not matter');

export const contactInputSchema = z
  .looseObject({
    email: email.describe('Email address, the identity of an upsert; at most 254 bytes, letter case and white space do not matter'),
    external_id: z
      .string()
      .nullish()
      .describe('Your id of the contact: unique per workspace, 1 to 255 characters, trimmed; `null` removes it'),
    ...Object.fromEntries(CONTACT_FIELD_RULES.map((field) => [field.name, inputOf(field)])),
    created_at: z.string().optional().describe('RFC 3339; used when the contact is created or first upserted after an event created it'),
  })
  .describe('Fields that are absent stay as they are, `null` removes the value, anything else sets it');

export const activityEventInputSchema = z.looseObject({
  id: z.string().optional().describe('Your idempotency key, 1 to 255 characters: the same id counts once'),
  email: email.optional(),
  external_id: z.string().optional().describe('Contact by external_id; `email` or `external_id` is required'),
  kind: z.enum(MESSAGE_KINDS).describe('What happened'),
  occurred_at: z.string().optional().describe('RFC 3339; default: time of acceptance. At most 24 hours ahead'),
  message_id: z.string().optional().describe('At most 255 characters'),
  template_id: z.string().optional().describe('At most 255 characters'),
  campaign_id: z.string().optional().describe('At most 255 characters'),
  list_id: z.string().optional().describe('At most 255 characters'),
  link_url: z.string().optional().describe(`At most ${MAX_LINK_URL} characters`),
  properties: jsonObject.optional().describe('Data of your own; the whole event is at most 32 KiB'),
});

export const customEventInputSchema = z.looseObject({
  event_name: z.string().describe('1 to 100 characters of a-z, 0-9, `_` `.` `/` and `-`'),
  external_id: z.string().describe('Key of this event within its `event_name`, 1 to 255 characters'),
  email: email.optional().describe('Contact by email; required unless `contact_external_id` is given'),
  contact_external_id: z.string().optional().describe('Contact by external_id'),
  occurred_at: z.string().optional().describe('RFC 3339; default: time of acceptance, kept by updates that do not name it'),
  properties: jsonObject.optional().describe('Data of your own'),
  goal_name: z.string().optional().describe('At most 100 characters'),
  goal_type: z.enum(GOAL_TYPES).optional().describe('Makes the event a goal'),
  goal_value: z
    .union([z.number(), z.string()])
    .optional()
    .describe('Exact decimal: at most 15 significant digits, 4 after the point. Required for `purchase` and `subscription`'),
  deleted_at: z.string().nullish().describe('RFC 3339: the event is deleted; a later upsert without it restores the event'),
});

const confirmed = z.boolean().optional().describe('Double opt-in lists: the contact has confirmed, subscribe as `active`');

export const upsertRequestSchema = z.object({
  contact: contactInputSchema,
  list_ids: listIdsSchema.optional(),
  identify_by: z
    .enum(['email', 'external_id'])
    .optional()
    .describe('`external_id`: find the contact by external_id and change its email to the one given. Default `email`'),
  confirmed,
});

export const importContactsRequestSchema = z.object({
  contacts: z.array(contactInputSchema).max(MAX_BATCH_ITEMS).describe(`At most ${MAX_BATCH_ITEMS} contacts, applied in order`),
  list_ids: listIdsSchema.optional(),
  confirmed,
});

export const ingestRequestSchema = z.object({
  events: z.array(activityEventInputSchema).max(MAX_BATCH_ITEMS).describe(`At most ${MAX_BATCH_ITEMS} events`),
});

export const customEventsImportSchema = z.object({
  events: z.array(customEventInputSchema).max(MAX_BATCH_ITEMS).describe(`At most ${MAX_BATCH_ITEMS} events, applied in order`),
});
