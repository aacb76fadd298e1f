/** lists.* and contactLists.* */
import {
  createListSchema,
  listIdSchema,
  listIdsSchema,
  MEMBERSHIP_STATUSES,
  membershipStatusSchema,
  updateListSchema,
} from '@muster/domain';
import { z } from 'zod';
import { deleteListSchema } from '../routes/lists.ts';
import { byEmailOrId, cursor, email, get, INTAKE, limit, type Operation, post, READ, single } from './operation.ts';
import { answers } from './responses.ts';

const subscribeBody = z.object({ ...byEmailOrId, list_ids: listIdsSchema, confirmed: z.boolean().optional() });
const statusBody = z.object({ ...byEmailOrId, list_id: listIdSchema, status: membershipStatusSchema });
const removeBody = z.object({ ...byEmailOrId, list_id: listIdSchema });

export const LIST_OPERATIONS: readonly Operation[] = [
  post('lists.create', {
    tag: 'Lists',
    summary: 'Create a list',
    scopes: 'write',
    body: createListSchema,
    answers: { 201: ['Created', answers.list] },
    errors: [400, 401, 403, 409, 415, 422, 503],
    example: { id: 'newsletter', name: 'Newsletter', is_double_optin: true },
  }),
  post('lists.update', {
    tag: 'Lists',
    summary: 'Change a list; only the fields given change',
    scopes: 'write',
    body: updateListSchema,
    answers: { 200: ['Changed', answers.list] },
    errors: [400, 401, 403, 404, 415, 422, 503],
    example: { id: 'newsletter', name: 'The newsletter' },
  }),
  post('lists.delete', {
    tag: 'Lists',
    summary: 'Delete a list: hidden at once, its memberships are worked off in the background',
    scopes: 'write',
    body: deleteListSchema,
    answers: { 200: ['Hidden', answers.listDeleted] },
    errors: [400, 401, 403, 404, 409, 415, 422, 503],
    example: { id: 'newsletter' },
  }),
  get('lists.list', { tag: 'Lists', summary: 'All lists', answers: { 200: ['The lists', answers.lists] }, errors: READ }),
  get('lists.get', {
    tag: 'Lists',
    summary: 'One list',
    query: z.object({ id: z.string() }),
    answers: { 200: ['The list', answers.list] },
    errors: [...READ, 404],
  }),
  get('lists.stats', {
    tag: 'Lists',
    summary: 'Members of a list by status; may lag writes by 2 seconds',
    query: z.object({ id: z.string() }),
    answers: { 200: ['The numbers', answers.listStats] },
    errors: [...READ, 404],
  }),
  post('contactLists.subscribe', {
    tag: 'Memberships',
    summary: 'Subscribe a contact; never revives unsubscribed, bounced or complained',
    scopes: 'write',
    body: subscribeBody,
    answers: single,
    errors: [...INTAKE, 404],
    example: { email: 'ada@example.com', list_ids: ['newsletter'] },
  }),
  post('contactLists.updateStatus', {
    tag: 'Memberships',
    summary: 'Set the status of a membership to any value',
    scopes: 'write',
    body: statusBody,
    answers: single,
    errors: [...INTAKE, 404],
    example: { email: 'ada@example.com', list_id: 'newsletter', status: 'unsubscribed' },
  }),
  post('contactLists.removeContact', {
    tag: 'Memberships',
    summary: 'Remove a membership',
    scopes: 'write',
    body: removeBody,
    answers: single,
    errors: [...INTAKE, 404],
    example: { email: 'ada@example.com', list_id: 'newsletter' },
  }),
  get('contactLists.getListsByContact', {
    tag: 'Memberships',
    summary: 'Lists of a contact',
    query: z.object({ email: email.optional(), contact_id: z.coerce.number().int().optional(), external_id: z.string().optional() }),
    answers: { 200: ['The memberships', answers.memberships] },
    errors: [...READ, 404],
  }),
  get('contactLists.getContactsByList', {
    tag: 'Memberships',
    summary: 'Members of a list',
    query: z.object({ list_id: z.string(), status: z.enum(MEMBERSHIP_STATUSES).optional(), limit: limit(100, 20), cursor }),
    answers: { 200: ['A page', answers.members] },
    errors: [...READ, 400, 404],
  }),
];
