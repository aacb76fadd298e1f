/** Shapes of answers, for the document. */
import { CONTACT_FIELD_RULES, listSchema, MEMBERSHIP_STATUSES, timeSchema } from '@muster/domain';
import { z } from 'zod';

const fault = z.object({
  index: z.number().int().optional().describe('Place of the item in the request, from 0'),
  field: z.string().describe('The faulty field; empty when the item as a whole is meant'),
  code: z.string(),
  message: z.string(),
});

const detail = fault.partial({ field: true }).extend({ path: z.string().optional().describe('Place of the fault in a tree or body') });

export const errorSchema = z.object({
  error: z.object({ code: z.string().describe('Stable; branch on it'), message: z.string(), details: z.array(detail).optional() }),
});

export const warnings = z.array(fault);
const count = z.number().int();
const jobId = z.string().describe('Ask `jobs.get` for it');
const action = z.enum(['created', 'updated', 'unchanged', 'stored', 'duplicate', 'rejected', 'parked', 'erased', 'cancelled']);
const membershipOutcome = z.object({ list_id: z.string(), outcome: z.string().describe('`subscribed`, `pending`, `skipped_status`, …') });
const operation = z.object({
  index: z.number().int(),
  email: z.string().nullable().optional(),
  contact_id: z.number().int().nullable(),
  action,
  memberships: z.array(membershipOutcome).optional(),
  error: fault.omit({ index: true }).optional(),
});

export const membershipSchema = z.object({
  list_id: z.string(),
  status: z.enum(MEMBERSHIP_STATUSES),
  created_at: timeSchema,
  updated_at: timeSchema,
});

const valueOfRule = (rule: string) =>
  rule === 'number' ? z.number() : rule === 'json' ? z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]) : z.string();

export const contactSchema = z.object({
  contact_id: z.number().int(),
  email: z.string(),
  external_id: z.string().nullable(),
  ...Object.fromEntries(CONTACT_FIELD_RULES.map((f) => [f.name, valueOfRule(f.rule).nullable()])),
  created_at: timeSchema,
  updated_at: timeSchema,
});
const detailedContact = contactSchema.extend({
  contact_lists: z.array(membershipSchema),
  contact_segments: z.array(z.object({ segment_id: z.string(), joined_at: timeSchema })),
});
export const nextCursor = z.string().optional().describe('Pass it as `cursor` for the next page; absent on the last');

const timelineEntry = z.object({
  id: z.string(),
  contact_id: z.number().int(),
  kind: z.string(),
  occurred_at: timeSchema,
  recorded_at: timeSchema,
  entity_type: z.enum(['contact', 'contact_list', 'message', 'custom_event', 'contact_segment']),
  entity_id: z.string(),
  changes: z.record(z.string(), z.object({ old: z.unknown(), new: z.unknown() })),
  properties: z.record(z.string(), z.unknown()),
});
const customEvent = z.object({
  event_name: z.string(),
  external_id: z.string(),
  email: z.string(),
  contact_id: z.number().int(),
  occurred_at: timeSchema,
  recorded_at: timeSchema,
  goal_name: z.string().nullable(),
  goal_type: z.string().nullable(),
  goal_value: z.number().nullable(),
  properties: z.record(z.string(), z.unknown()),
  deleted_at: timeSchema.nullable(),
});
const counts = z.object({
  items: z.number().int(),
  applied: z.number().int(),
  unchanged: z.number().int(),
  duplicate: z.number().int(),
  rejected: z.number().int(),
  parked: z.number().int(),
  erased: z.number().int(),
  cancelled: z.number().int(),
});

export const answers = {
  single: z.object({ accepted: z.literal(1), job_id: jobId, warnings }),
  singleApplied: z.object({
    email: z.string().nullable(),
    contact_id: z.number().int().nullable(),
    action,
    contact: detailedContact.nullable(),
    memberships: z.array(membershipOutcome).optional(),
    job_id: jobId,
    warnings,
  }),
  batch: z.object({ accepted: z.number().int(), rejected: z.array(fault), job_ids: z.array(jobId), warnings }),
  batchApplied: z.object({
    accepted: z.number().int(),
    rejected: z.array(fault),
    job_ids: z.array(jobId),
    warnings,
    operations: z.array(operation),
  }),
  contact: z.object({ contact: detailedContact }),
  contacts: z.object({ contacts: z.array(contactSchema), next_cursor: nextCursor }),
  count: z.object({ count: z.number().int() }),
  erasure: z.object({
    status: z.enum(['erasing', 'erased']),
    job_id: jobId,
    contact_id: z.number().int().nullable(),
    warnings,
  }),
  list: z.object({ list: listSchema, warnings: warnings.optional() }),
  lists: z.object({ lists: z.array(listSchema) }),
  listDeleted: z.object({ id: z.string(), status: z.literal('deleting'), warnings }),
  listStats: z.object({
    stats: z.object({
      list_id: z.string(),
      total: z.number().int(),
      ...Object.fromEntries(MEMBERSHIP_STATUSES.map((s) => [s, z.number().int()])),
    }),
  }),
  memberships: z.object({ contact_lists: z.array(membershipSchema) }),
  members: z.object({
    contacts: z.array(
      z.object({
        contact_id: z.number().int(),
        email: z.string(),
        status: z.enum(MEMBERSHIP_STATUSES),
        created_at: timeSchema,
        updated_at: timeSchema,
      }),
    ),
    next_cursor: nextCursor,
  }),
  timeline: z.object({ timeline: z.array(timelineEntry), next_cursor: nextCursor }),
  event: z.object({ event: customEvent }),
  events: z.object({ events: z.array(customEvent), next_cursor: nextCursor }),
  job: z.object({
    job: z.object({
      id: jobId,
      type: z.enum(['items', 'erasure']),
      status: z.enum(['queued', 'running', 'applied', 'completed', 'erasing', 'erased']),
      accepted_at: timeSchema.optional(),
      counts: counts.optional(),
      operations: z.array(operation).optional(),
    }),
  }),
  balance: z.object({
    balance: z.object({
      accepted: count.describe('Items that are settled: applied + unchanged + duplicate + rejected + parked + erased + cancelled'),
      applied: count,
      unchanged: count,
      duplicate: count,
      rejected: count,
      parked: count,
      erased: count,
      cancelled: count,
      waiting: count.describe('Chunks of all workspaces that are still queued or being worked on'),
    }),
  }),
  rejections: z.object({
    rejections: z.array(
      z.object({
        id: z.string(),
        job_id: jobId,
        item_id: z.string(),
        index: z.number().int(),
        source: z.string(),
        code: z.string(),
        field: z.string(),
        message: z.string(),
        payload: z.unknown(),
        accepted_at: timeSchema,
      }),
    ),
    next_cursor: nextCursor,
  }),
};
