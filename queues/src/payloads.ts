/**
 * Payloads of chunk jobs, versioned. Fields are only ever added, and optional, so that a rolling deploy's old and new processes
 * understand each other; a worker that meets a newer version hands the job back.
 */
import { activityEventSchema, contactPatchSchema, customEventSchema } from '@muster/domain';
import { z } from 'zod';

export const PAYLOAD_VERSION = 1;
/** Largest chunk: what one transaction and one JSON.parse carry without holding the event loop for long. */
export const MAX_CHUNK_ITEMS = 1_000;
export const MAX_CHUNK_BYTES = 512 * 1_024;

/** Identity of an item for life: `root` is its request, `index` its place there. `idem` = derived from an Idempotency-Key. */
const identity = {
  root: z.string(),
  index: z.number().int(),
  idem: z.boolean().optional(),
};

const decision = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribe'), confirmed: z.boolean() }),
  z.object({ type: z.literal('set'), status: z.enum(['active', 'pending', 'unsubscribed', 'bounced', 'complained']) }),
  z.object({ type: z.literal('remove') }),
  z.object({
    type: z.literal('side_effect'),
    kind: z.enum(['bounce_email', 'complain_email', 'unsubscribe_email']),
    explicitList: z.boolean(),
    /** Microseconds. */
    occurredAt: z.number(),
  }),
]);

export const upsertItem = z.object({
  ...identity,
  op: z.literal('upsert'),
  patch: contactPatchSchema,
  list_ids: z.array(z.string()).optional(),
  confirmed: z.boolean().optional(),
  identify_by: z.enum(['email', 'external_id']).optional(),
});
/** A membership decision for one contact and the named lists, or for all of its lists when `list_ids` is absent. */
export const membershipItem = z.object({
  ...identity,
  op: z.literal('membership'),
  email: z.string().optional(),
  contact_id: z.number().int().optional(),
  list_ids: z.array(z.string()).optional(),
  decision,
});
export const changeEmailItem = z.object({
  ...identity,
  op: z.literal('change_email'),
  email: z.string().optional(),
  contact_id: z.number().int().optional(),
  new_email: z.string(),
});
export const profileItemSchema = z.discriminatedUnion('op', [upsertItem, membershipItem, changeEmailItem]);

export const eventItemSchema = z.object({ ...identity, event: activityEventSchema });
export const customEventItemSchema = z.object({ ...identity, event: customEventSchema, contact_id: z.number().int().optional() });

const chunk = {
  v: z.number().int(),
  ws: z.number().int(),
  /** Redis time of acceptance, microseconds. */
  acc: z.number().int(),
  /** Microseconds: an address that was erased since then does not come back with these items; absent: since `acc`. */
  since: z.number().int().optional(),
  /** Process to tell when the effect is in both databases. */
  reply: z.string().optional(),
  /** Follow-up work: its items were counted where they were accepted. */
  internal: z.boolean().optional(),
  /** Follow-up of parked items: they leave `parked` when this chunk is applied. */
  unparked: z.boolean().optional(),
};
export const profileChunkSchema = z.object({ ...chunk, items: z.array(profileItemSchema).min(1) });
export const timelineChunkSchema = z.object({ ...chunk, items: z.array(eventItemSchema).min(1) });
export const customEventChunkSchema = z.object({ ...chunk, items: z.array(customEventItemSchema).min(1) });
export const chunkHeaderSchema = z.looseObject({ ...chunk, items: z.array(z.unknown()) });

export type ProfileItem = z.infer<typeof profileItemSchema>;
export type UpsertItem = z.infer<typeof upsertItem>;
export type MembershipItem = z.infer<typeof membershipItem>;
export type ChangeEmailItem = z.infer<typeof changeEmailItem>;
export type EventItem = z.infer<typeof eventItemSchema>;
export type CustomEventItem = z.infer<typeof customEventItemSchema>;
export type ProfileChunk = z.infer<typeof profileChunkSchema>;
export type TimelineChunk = z.infer<typeof timelineChunkSchema>;
export type CustomEventChunk = z.infer<typeof customEventChunkSchema>;
export type AnyItem = ProfileItem | EventItem | CustomEventItem;
export type AnyChunk = ProfileChunk | TimelineChunk | CustomEventChunk;

/** Identity of an item as text, `root:index`. */
export const itemId = (item: { root: string; index: number }): string => `${item.root}:${item.index}`;

export const maintenanceSchema = z.object({ v: z.number().int(), task: z.enum(['sweep', 'nightly', 'erasures']) });
export type MaintenanceJob = z.infer<typeof maintenanceSchema>;

/** Asks for the segments of a workspace to be brought up to date; what changed is in Redis and Postgres, not in the job. */
export const evaluationSchema = z.object({ v: z.number().int(), ws: z.number().int() });
export type EvaluationJob = z.infer<typeof evaluationSchema>;

/** Asks somebody to look at an import: what it is and how far it got is in Postgres, not in the job. */
export const importSchema = z.object({ v: z.number().int(), ws: z.number().int(), id: z.uuid() });
export type ImportJob = z.infer<typeof importSchema>;
