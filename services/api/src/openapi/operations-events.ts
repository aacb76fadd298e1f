/** timeline.*, customEvents.*, jobs.* and rejections.* */
import { customEventInputSchema, customEventsImportSchema, ingestRequestSchema } from '@muster/domain';
import { z } from 'zod';
import { batch, cursor, email, get, INTAKE, ingest, limit, type Operation, post, READ } from './operation.ts';
import { answers } from './responses.ts';

export const EVENT_OPERATIONS: readonly Operation[] = [
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
  get('balance.get', {
    tag: 'Jobs',
    summary: 'What became of everything that was accepted; the terms add up at any moment',
    answers: { 200: ['The balance', answers.balance] },
    errors: [401, 403, 503],
  }),
];
