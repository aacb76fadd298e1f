/** Lists: their ids, and the bodies of the calls that make, change and join them. */
import { z } from 'zod';
import { MEMBERSHIP_STATUSES } from './membership.ts';
import { storableText, timeSchema } from './schema-text.ts';

export const LIST_ID_PATTERN = /^[a-z0-9_-]{1,32}$/;

/** Most lists one call may name. */
export const MAX_LISTS_PER_CALL = 100;

export const listIdSchema = z
  .string()
  .regex(LIST_ID_PATTERN, { error: 'must be 1 to 32 characters of a-z, 0-9, _ and -' })
  .describe('Id of a list: 1 to 32 characters of a-z, 0-9, `_` and `-`');

export const listIdsSchema = z
  .array(listIdSchema)
  .max(MAX_LISTS_PER_CALL)
  .describe('Lists to subscribe to. An unknown id rejects the request (404 `list_not_found`) before anything is queued');

export const membershipStatusSchema = z.enum(MEMBERSHIP_STATUSES).describe('Status of a membership');

const name = storableText(255)
  .refine((value) => value.trim() !== '', { error: 'must not be empty' })
  .describe('Name shown to people');
const description = storableText(10_000).nullable().describe('What the list is for');
const isDoubleOptin = z.boolean().describe('Subscribing sets `pending` until it is confirmed');
const isPublic = z.boolean().describe('Contacts may see and join the list themselves');

export const createListSchema = z.object({
  id: listIdSchema,
  name,
  description: description.optional(),
  is_double_optin: isDoubleOptin.default(false),
  is_public: isPublic.default(false),
});
export type CreateList = z.infer<typeof createListSchema>;

/** Only the fields given change. */
export const updateListSchema = z.object({
  id: listIdSchema,
  name: name.optional(),
  description: description.optional(),
  is_double_optin: isDoubleOptin.optional(),
  is_public: isPublic.optional(),
});
export type UpdateList = z.infer<typeof updateListSchema>;

export const listSchema = z.object({
  id: listIdSchema,
  name: z.string(),
  description: z.string().nullable(),
  is_double_optin: isDoubleOptin,
  is_public: isPublic,
  created_at: timeSchema,
  updated_at: timeSchema,
});
export type List = z.infer<typeof listSchema>;

const email = z.string().min(1).describe('Email of the contact');
const reason = storableText(255).nullable().optional().describe('Why, for the timeline');

export const subscribeRequestSchema = z.object({
  email,
  list_ids: listIdsSchema.min(1),
  confirmed: z.boolean().optional().describe('The contact has confirmed: a double opt-in list becomes `active` at once'),
});
export type SubscribeRequest = z.infer<typeof subscribeRequestSchema>;

export const updateMembershipRequestSchema = z.object({ email, list_id: listIdSchema, status: membershipStatusSchema, reason });
export type UpdateMembershipRequest = z.infer<typeof updateMembershipRequestSchema>;

export const removeMembershipRequestSchema = z.object({ email, list_id: listIdSchema, reason });
export type RemoveMembershipRequest = z.infer<typeof removeMembershipRequestSchema>;
