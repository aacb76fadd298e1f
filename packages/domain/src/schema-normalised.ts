/**
 * Normalised shapes as they travel in queues. Light checks on purpose: every item was normalised before it was queued, and unknown
 * keys pass, so that a newer producer's fields survive an older consumer.
 */
import { z } from 'zod';
import { type ActivityEvent, MESSAGE_KINDS } from './activity-event.ts';
import type { ContactPatch, FieldValue, ProfilePatch } from './contact.ts';
import { type CustomEvent, GOAL_TYPES } from './custom-event.ts';
import { isJsonObject, type JsonObject } from './json.ts';

const fields = z.custom<Record<string, FieldValue>>(isJsonObject);
const properties = z.custom<JsonObject>(isJsonObject);

const profile = {
  external_id: z.string().nullable().exactOptional(),
  created_at: z.string().exactOptional(),
  fields,
};

export const contactPatchSchema: z.ZodType<ContactPatch> = z.looseObject({ email: z.string(), ...profile });

/** A patch whose contact may be named by external_id alone. */
export const profilePatchSchema: z.ZodType<ProfilePatch> = z.looseObject({ email: z.string().exactOptional(), ...profile });

export const activityEventSchema: z.ZodType<ActivityEvent> = z.looseObject({
  kind: z.enum(MESSAGE_KINDS),
  id: z.string().exactOptional(),
  email: z.string().exactOptional(),
  external_id: z.string().exactOptional(),
  occurred_at: z.string().exactOptional(),
  message_id: z.string().exactOptional(),
  template_id: z.string().exactOptional(),
  campaign_id: z.string().exactOptional(),
  list_id: z.string().exactOptional(),
  link_url: z.string().exactOptional(),
  properties: properties.exactOptional(),
});

export const customEventSchema: z.ZodType<CustomEvent> = z.looseObject({
  event_name: z.string(),
  external_id: z.string(),
  email: z.string().exactOptional(),
  contact_external_id: z.string().exactOptional(),
  occurred_at: z.string().exactOptional(),
  properties: properties.exactOptional(),
  goal_name: z.string().exactOptional(),
  goal_type: z.enum(GOAL_TYPES).exactOptional(),
  goal_value: z.string().exactOptional(),
  deleted_at: z.string().nullable().exactOptional(),
});
