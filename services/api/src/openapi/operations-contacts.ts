/** contacts.* */
import { importContactsRequestSchema, MEMBERSHIP_STATUSES, upsertRequestSchema } from '@muster/domain';
import { z } from 'zod';
import { batch, byEmailOrId, cursor, email, get, INTAKE, ingest, limit, type Operation, post, READ, single } from './operation.ts';
import { answers } from './responses.ts';

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

export const CONTACT_OPERATIONS: readonly Operation[] = [
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
  get('contacts.export', {
    tag: 'Contacts',
    summary: 'All contacts that match the filters, or all members of a segment, as CSV that `imports.*` takes back as it is',
    query: z.object({ ...filters, segment_id: z.string().optional().describe('Members of this segment; stands alone') }),
    answers: { 200: ['The file; a connection that breaks off before its end means that it is not complete', z.string(), 'text/csv'] },
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
];
