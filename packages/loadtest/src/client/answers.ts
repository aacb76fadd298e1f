/** What the API answers, as far as a producer reads it. Unknown fields are allowed: a newer server may say more. */
import { z } from 'zod';

const issue = z.object({ index: z.number().int().optional(), field: z.string(), code: z.string(), message: z.string() });
export type AnswerIssue = z.infer<typeof issue>;

const operation = z.object({
  index: z.number().int(),
  action: z.string(),
  contact_id: z.number().int().nullable().optional(),
  error: z.object({ field: z.string(), code: z.string(), message: z.string() }).optional(),
});

/** Batch calls; `operations` only when the effect was waited for. */
export const batchAnswer = z.object({
  accepted: z.number().int(),
  rejected: z.array(issue),
  job_ids: z.array(z.string()),
  warnings: z.array(issue),
  operations: z.array(operation).optional(),
});
export type BatchAnswer = z.infer<typeof batchAnswer>;

/** contacts.upsert: queued (202) or, when waited for, done (200). */
export const upsertAnswer = z.object({
  accepted: z.number().int().optional(),
  job_id: z.string().nullable(),
  warnings: z.array(issue),
  action: z.string().optional(),
  contact_id: z.number().int().nullable().optional(),
});
export type UpsertAnswer = z.infer<typeof upsertAnswer>;

export const contactAnswer = z.looseObject({
  contact_id: z.number().int(),
  email: z.string(),
  contact_lists: z.array(z.object({ list_id: z.string(), status: z.string() })).optional(),
  contact_segments: z.array(z.object({ segment_id: z.string(), joined_at: z.string() })).optional(),
});
export type ContactAnswer = z.infer<typeof contactAnswer>;

export const timelineEntry = z.looseObject({
  id: z.string(),
  contact_id: z.number().int(),
  kind: z.string(),
  occurred_at: z.string(),
  recorded_at: z.string(),
  entity_type: z.string(),
  entity_id: z.string().nullable(),
  changes: z.record(z.string(), z.unknown()).nullable(),
  properties: z.record(z.string(), z.unknown()).nullable(),
});
export type TimelineEntry = z.infer<typeof timelineEntry>;

export const customEvent = z.looseObject({
  event_name: z.string(),
  external_id: z.string(),
  occurred_at: z.string(),
  goal_value: z.number().nullable().optional(),
  deleted_at: z.string().nullable().optional(),
  properties: z.record(z.string(), z.unknown()).nullable().optional(),
});
export type CustomEventAnswer = z.infer<typeof customEvent>;

export const job = z.object({
  id: z.string(),
  status: z.string(),
  operations: z.array(operation).optional(),
});
export type Job = z.infer<typeof job>;

export const rejection = z.object({
  id: z.coerce.string(),
  job_id: z.string(),
  source: z.string(),
  code: z.string(),
  field: z.string(),
  message: z.string(),
  payload: z.unknown(),
  accepted_at: z.string(),
});
export type Rejection = z.infer<typeof rejection>;

/** The terms of the balance: every accepted item is in exactly one of them; `waiting` are those not yet applied. */
export const balance = z.object({
  accepted: z.number().int(),
  applied: z.number().int(),
  unchanged: z.number().int(),
  duplicate: z.number().int(),
  rejected: z.number().int(),
  parked: z.number().int(),
  erased: z.number().int(),
  cancelled: z.number().int(),
  waiting: z.number().int(),
});
export type Balance = z.infer<typeof balance>;

export const list = z.object({ id: z.string(), name: z.string(), is_double_optin: z.boolean() });
export type ListAnswer = z.infer<typeof list>;

export const segment = z.looseObject({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  users_count: z.number().int(),
  error: z.string().optional(),
});
export type SegmentAnswer = z.infer<typeof segment>;

export const errorAnswer = z.object({
  error: z.object({ code: z.string(), message: z.string(), details: z.array(z.looseObject({ code: z.string() })).optional() }),
});
