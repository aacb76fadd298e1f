/** segments.* */
import { timeSchema } from '@muster/domain';
import { z } from 'zod';
import { createFields, previewFields, segmentIdFields, updateFields } from '../segments/input.ts';
import { cursor, get, limit, type Operation, post, READ } from './operation.ts';
import { contactSchema, nextCursor, warnings } from './responses.ts';
import { treeReference } from './tree-schema.ts';

const count = z.number().int();
const day = z.string().describe('`YYYY-MM-DD`, a day in the timezone of the segment');
const segmentId = z.string().describe('Id of the segment');

const segment = z.object({
  id: z.string(),
  name: z.string(),
  color: z.string().nullable(),
  timezone: z.string(),
  tree: treeReference,
  status: z
    .enum(['building', 'active', 'failed'])
    .describe('`building`: the members shown are those of the version before; `failed`: they do not move any more'),
  version: count.describe('Steps with each change of the tree or timezone'),
  users_count: count.describe('Members, as of `computed_at`'),
  computed_at: timeSchema.nullable().describe('Last change of the members; null before the first'),
  error: z.string().optional().describe('Why the last build failed: the path of the leaf, and the reason'),
  stale_since: timeSchema.optional().describe('The members have not moved since then'),
  created_at: timeSchema,
  updated_at: timeSchema,
});
const one = z.object({ segment });
const changed = z.object({ segment, warnings });

const WRITE = [400, 401, 403, 415, 422, 503];
const example = {
  kind: 'branch',
  branch: {
    operator: 'and',
    leaves: [
      {
        kind: 'leaf',
        leaf: {
          source: 'contacts',
          contact: { filters: [{ field_name: 'country', field_type: 'string', operator: 'equals', string_values: ['FR', 'BE'] }] },
        },
      },
      {
        kind: 'leaf',
        leaf: {
          source: 'contact_timeline',
          contact_timeline: {
            kind: 'open_email',
            count_operator: 'at_least',
            count_value: 2,
            timeframe_operator: 'in_the_last_days',
            timeframe_values: ['30'],
          },
        },
      },
    ],
  },
};

export const SEGMENT_OPERATIONS: readonly Operation[] = [
  post('segments.create', {
    tag: 'Segments',
    summary: 'Create a segment; its members are computed in the background',
    scopes: 'write',
    body: createFields.extend({ tree: treeReference }),
    answers: { 201: ['Created', changed] },
    errors: [...WRITE, 409],
    example: { id: 'french_readers', name: 'French readers', timezone: 'Europe/Paris', tree: example },
  }),
  post('segments.update', {
    tag: 'Segments',
    summary: 'Change a segment; only another tree or timezone computes its members anew',
    scopes: 'write',
    body: updateFields.extend({ tree: treeReference.optional() }),
    answers: { 200: ['Changed', changed] },
    errors: [...WRITE, 404],
    example: { id: 'french_readers', name: 'Readers in France and Belgium' },
  }),
  post('segments.delete', {
    tag: 'Segments',
    summary: 'Delete a segment: its id is free at once, its members leave in the background',
    scopes: 'write',
    body: segmentIdFields,
    answers: { 200: ['Gone', z.object({ id: z.string(), status: z.literal('deleting'), warnings })] },
    errors: [...WRITE, 404, 409],
    example: { id: 'french_readers' },
  }),
  post('segments.rebuild', {
    tag: 'Segments',
    summary: 'Compute the members of a segment anew, in the background; also one that failed',
    scopes: 'write',
    body: segmentIdFields,
    answers: { 202: ['Noted', changed] },
    errors: [...WRITE, 404],
    example: { id: 'french_readers' },
  }),
  post('segments.preview', {
    tag: 'Segments',
    summary: 'How many contacts a tree matches, and the first of them by id; nothing is stored',
    scopes: 'read',
    body: previewFields.extend({ tree: treeReference }),
    answers: { 200: ['The matches', z.object({ total_count: count, contacts: z.array(contactSchema), took_ms: count, warnings })] },
    errors: [...WRITE, 409],
    example: { tree: example, limit: 10 },
  }),
  get('segments.list', {
    tag: 'Segments',
    summary: 'All segments, by id',
    answers: { 200: ['The segments', z.object({ segments: z.array(segment) })] },
    errors: READ,
  }),
  get('segments.get', {
    tag: 'Segments',
    summary: 'One segment',
    query: z.object({ id: segmentId }),
    answers: { 200: ['The segment', one] },
    errors: [...READ, 404],
  }),
  get('segments.contacts', {
    tag: 'Segments',
    summary: 'Members of a segment in the order of their ids; all pages show the version of the first, for 15 minutes',
    query: z.object({
      segment_id: segmentId,
      at: z.string().optional().describe('Members at that time: RFC 3339, or a day = its first instant in the timezone of the segment'),
      limit: limit(100, 20),
      cursor,
    }),
    answers: { 200: ['A page', z.object({ contacts: z.array(contactSchema), next_cursor: nextCursor })] },
    errors: [...READ, 400, 404],
  }),
  get('segments.history', {
    tag: 'Segments',
    summary: 'Size, joins and leaves of a segment per day',
    query: z.object({
      id: segmentId,
      from: day.optional().describe('First day; default 29 days before `to`'),
      to: day.optional().describe('Last day; default today. The range has at most 366 days'),
    }),
    answers: {
      200: [
        'One entry per day',
        z.object({ days: z.array(z.object({ day, size: count.describe('At the end of the day'), joins: count, leaves: count })) }),
      ],
    },
    errors: [...READ, 404],
  }),
];
