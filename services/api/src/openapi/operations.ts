/** What each call is for, what it takes and what it answers: the source of /openapi.json and /docs. */
import {
  createListSchema,
  customEventInputSchema,
  customEventsImportSchema,
  importContactsRequestSchema,
  ingestRequestSchema,
  listIdSchema,
  listIdsSchema,
  MEMBERSHIP_STATUSES,
  membershipStatusSchema,
  updateListSchema,
  upsertRequestSchema,
} from '@muster/domain';
import { z } from 'zod';
import { deleteListSchema } from '../routes/lists.ts';
import { answers } from './responses.ts';

export type Operation = {
  path: string;
  method: 'get' | 'post';
  tag: string;
  summary: string;
  scopes: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Also understood: one JSON value a line. */
  ndjson?: boolean;
  /** Status → meaning and shape. */
  answers: Record<number, [string, z.ZodType]>;
  errors: number[];
  example?: unknown;
};

const email = z.string().describe('Email of the contact; letter case and surrounding white space do not matter');
const contactId = z.number().int().positive().describe('Id of the contact');
const byEmailOrId = { email: email.optional(), contact_id: contactId.optional() };
const cursor = z.string().optional().describe('`next_cursor` of the page before');
const limit = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback).describe(`1 to ${max}`);

const subscribeBody = z.object({ ...byEmailOrId, list_ids: listIdsSchema, confirmed: z.boolean().optional() });
const statusBody = z.object({ ...byEmailOrId, list_id: listIdSchema, status: membershipStatusSchema });
const removeBody = z.object({ ...byEmailOrId, list_id: listIdSchema });
const deleteBody = z.object(byEmailOrId).describe('One of the two');
const changeEmailBody = z.object({ ...byEmailOrId, external_id: z.string().optional(), new_email: email });

const substring = z.string().optional().describe('Case-insensitive literal substring');
const filters = {
  email: substring,
  external_id: substring,
  first_name: substring,
  last_name: substring,
  full_name: substring,
  phone: substring,
  country: z.string().optional().describe('ISO 3166-1 code or English name'),
  language: z.string().optional().describe('BCP 47'),
  list_id: z.string().optional().describe('Has a membership of this list'),
  list_status: z.enum(MEMBERSHIP_STATUSES).optional().describe('…with this status; needs `list_id`'),
  'segments[]': z.array(z.string()).optional().describe('Is in any of these segments'),
};

const single = {
  202: ['Accepted and on disk', answers.single],
  200: ['With `Prefer: wait`: applied in both databases', answers.singleApplied],
} satisfies Operation['answers'];
const batch = {
  202: ['Accepted and on disk; `rejected` has one entry per faulty field', answers.batch],
  200: ['With `Prefer: wait`: applied in both databases', answers.batchApplied],
} satisfies Operation['answers'];
const INTAKE = [400, 401, 403, 413, 415, 422, 429, 503];
const READ = [401, 403, 422, 503];
const ingest = 'ingest or write';

const post = (path: string, o: Omit<Operation, 'path' | 'method'>): Operation => ({ path: `/api/${path}`, method: 'post', ...o });
const get = (path: string, o: Omit<Operation, 'path' | 'method' | 'scopes'> & { scopes?: string }): Operation => ({
  path: `/api/${path}`,
  method: 'get',
  scopes: 'read',
  ...o,
});

export const OPERATIONS: readonly Operation[] = [
  post('contacts.upsert', {
    tag: 'Contacts',
    summary: 'Create a contact or merge fields into it',
    scopes: ingest,
    body: upsertRequestSchema,
    answers: single,
    errors: [...INTAKE, 404, 409],
    example: { contact: { email: 'ada@example.com', first_name: 'Ada', country: 'UK', custom_number_1: 42 }, list_ids: ['newsletter'] },
  }),
  post('contacts.import', {
    tag: 'Contacts',
    summary: 'Upsert up to 5,000 contacts, in order',
    scopes: ingest,
    body: importContactsRequestSchema,
    answers: batch,
    errors: [...INTAKE, 404],
    example: { contacts: [{ email: 'ada@example.com' }, { email: 'alan@example.com', language: 'en' }], list_ids: ['newsletter'] },
  }),
  get('contacts.getByEmail', {
    tag: 'Contacts',
    summary: 'A contact by email, with its lists and segments',
    query: z.object({ email }),
    answers: { 200: ['The contact', answers.contact] },
    errors: [...READ, 404],
  }),
  get('contacts.getByExternalID', {
    tag: 'Contacts',
    summary: 'A contact by your id',
    query: z.object({ external_id: z.string() }),
    answers: { 200: ['The contact', answers.contact] },
    errors: [...READ, 404],
  }),
  get('contacts.list', {
    tag: 'Contacts',
    summary: 'Contacts that match all filters, in the order of their ids; may lag writes by 2 seconds',
    query: z.object({ ...filters, with_contact_lists: z.boolean().optional(), limit: limit(100, 20), cursor }),
    answers: { 200: ['A page', answers.contacts] },
    errors: [...READ, 400, 404],
  }),
  get('contacts.count', {
    tag: 'Contacts',
    summary: 'How many contacts match all filters; may lag writes by 2 seconds',
    query: z.object(filters),
    answers: { 200: ['The number', answers.count] },
    errors: [...READ, 404],
  }),
  post('contacts.changeEmail', {
    tag: 'Contacts',
    summary: 'Change the email of a contact; its history stays with it',
    scopes: 'write',
    body: changeEmailBody,
    answers: single,
    errors: [...INTAKE, 404, 409],
    example: { email: 'ada@example.com', new_email: 'ada.lovelace@example.com' },
  }),
  post('contacts.delete', {
    tag: 'Contacts',
    summary: 'Erase a contact: unreadable at once, purged from every store afterwards',
    scopes: 'write',
    body: deleteBody,
    answers: {
      202: ['Unreadable from now on; purging goes on', answers.erasure],
      200: ['With `Prefer: wait`: ClickHouse has been swept', answers.erasure],
    },
    errors: [400, 401, 403, 404, 415, 422, 503],
    example: { email: 'ada@example.com' },
  }),
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
    errors: [400, 401, 403, 404, 415, 422, 503],
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
  post('timeline.ingest', {
    tag: 'Events',
    summary: 'Up to 5,000 activity events',
    scopes: ingest,
    body: ingestRequestSchema,
    ndjson: true,
    answers: batch,
    errors: INTAKE,
    example: { events: [{ id: 'evt-1', email: 'ada@example.com', kind: 'open_email', message_id: 'm-1' }] },
  }),
  get('timeline.list', {
    tag: 'Events',
    summary: 'Timeline of a contact, newest first',
    query: z.object({
      email: email.optional(),
      contact_id: z.coerce.number().int().optional(),
      'kinds[]': z.array(z.string()).optional().describe('Only these kinds'),
      limit: limit(100, 50),
      cursor,
    }),
    answers: { 200: ['A page', answers.timeline] },
    errors: [...READ, 400, 404],
  }),
  post('customEvents.upsert', {
    tag: 'Events',
    summary: 'Create or replace one custom event',
    scopes: ingest,
    body: customEventInputSchema,
    answers: batch,
    errors: [...INTAKE, 409],
    example: {
      event_name: 'orders/paid',
      external_id: 'order-1001',
      email: 'ada@example.com',
      goal_type: 'purchase',
      goal_value: 19.9,
      properties: { currency: 'EUR' },
    },
  }),
  post('customEvents.import', {
    tag: 'Events',
    summary: 'Create or replace up to 5,000 custom events, in order',
    scopes: ingest,
    body: customEventsImportSchema,
    answers: batch,
    errors: INTAKE,
    example: { events: [{ event_name: 'signup', external_id: 'user-7', email: 'ada@example.com' }] },
  }),
  get('customEvents.get', {
    tag: 'Events',
    summary: 'One custom event by its key, also when it is deleted (`deleted_at`)',
    query: z.object({ event_name: z.string(), external_id: z.string() }),
    answers: { 200: ['The event', answers.event] },
    errors: [...READ, 404],
  }),
  get('customEvents.list', {
    tag: 'Events',
    summary: 'Live custom events of a contact, newest first',
    query: z.object({
      email: email.optional(),
      contact_id: z.coerce.number().int().optional(),
      event_name: z.string().optional(),
      limit: limit(100, 50),
      cursor,
    }),
    answers: { 200: ['A page', answers.events] },
    errors: [...READ, 400, 404],
  }),
  get('jobs.get', {
    tag: 'Jobs',
    summary: 'What became of accepted items, or of an erasure',
    scopes: 'read, ingest or write',
    query: z.object({ id: z.string().describe('`job_id` of an answer') }),
    answers: { 200: ['The job', answers.job] },
    errors: [...READ, 404],
  }),
  get('rejections.list', {
    tag: 'Jobs',
    summary: 'Items that were accepted and could not be applied, newest first',
    query: z.object({ code: z.string().optional(), job_id: z.string().optional(), limit: limit(100, 50), cursor }),
    answers: { 200: ['A page', answers.rejections] },
    errors: [...READ, 400],
  }),
];
