/** imports.* */
import { COLUMN_TYPES, columnFormatsSchema, mappingSchema } from '@muster/csv';
import { timeSchema } from '@muster/domain';
import { IMPORT_STATUSES } from '@muster/postgres';
import { z } from 'zod';
import { createFields, startFields } from '../imports/input.ts';
import { cursor, get, limit, type Operation, post, READ } from './operation.ts';
import { nextCursor, warnings } from './responses.ts';

const count = z.number().int();
const id = z.string().describe('Id of the import');
const byId = z.object({ id });
const tag = 'Imports';

const importShape = z.object({
  id,
  file_name: z.string(),
  status: z
    .enum(IMPORT_STATUSES)
    .describe('`uploading` → `uploaded` → `running` (⇄ `paused`) → `completed`; or `cancelled`; or `failed`, then `error` says why'),
  size: count.nullable().describe('Bytes of the file; null while not known'),
  received: count.describe('Bytes that have come in'),
  sha256: z.string().nullable().describe('Of the file, in hex'),
  phase: z
    .enum(['scan', 'apply'])
    .nullable()
    .describe('`scan`: the file is read and judged, `records` grows; `apply`: rows become contacts'),
  scanned: count.describe('Bytes of the file that the scan has read'),
  records: count,
  done: count,
  counts: z
    .object({ created: count, updated: count, unchanged: count, rejected: count, duplicate: count })
    .describe('Their sum is `done`; in a completed import also `records`'),
  memberships: z.record(z.string(), count).describe('Outcomes of `list_ids`: `subscribed`, `skipped_status`, …'),
  rate: z.number().nullable().describe('Rows a second; null while nothing is running'),
  eta_seconds: count.nullable(),
  mapping: mappingSchema.nullable().describe('As it was started: field by column index'),
  options: z
    .object({
      empty_cells: z.enum(['keep', 'clear']),
      duplicates: z.enum(['last', 'first']),
      default_country: z.string().nullable(),
      column_formats: columnFormatsSchema,
      timezone: z.string(),
    })
    .nullable(),
  list_ids: z.array(z.string()),
  dry_run: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  created_at: timeSchema,
  started_at: timeSchema.nullable(),
  ended_at: timeSchema.nullable().describe('Set when nothing more will be counted'),
  updated_at: timeSchema,
});
const one = z.object({ import: importShape });
const changed = one.extend({ warnings });
const created = changed.extend({
  upload_url: z.string().optional().describe('PUT the bytes here, in one go; only while `uploading`'),
  tus_url: z.string().optional().describe('Or send them resumably here (tus 1.0); only while `uploading`'),
});

const column = z.object({
  index: count.describe('From 0'),
  header: z.string().describe('Empty where the file names no columns'),
  suggestion: z.string().nullable().describe('A field, or null to leave the column out'),
  confidence: z.number().describe('0 to 1'),
  type: z.enum(COLUMN_TYPES),
  samples: z.array(z.string()).describe('The first values that are not empty'),
});
const preview = z.object({
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']),
  delimiter: z.enum([',', ';', '\t', '|']),
  header: z.boolean().describe('The first row names the columns'),
  columns: z.array(column),
  rows: z.array(z.array(z.string())).describe('Cells of the first rows'),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});

const WRITE = [400, 401, 403, 404, 409, 415, 422, 429, 503];
const LOOK = [...READ, 404, 429];
const scopes = 'read or write';
const tusHeaders = z.object({ 'tus-resumable': z.string().describe('`1.0.0`') });
const uploadOffset = z.string().describe('Where to go on, in bytes');

function tus(method: 'post' | 'head' | 'patch' | 'delete', o: Pick<Operation, 'summary' | 'answers'> & Partial<Operation>): Operation {
  const errors = [401, 403, 404, 409, 410, 412, 413, 422, 423, 429, 503, 507];
  return { path: '/api/imports.tus', method, tag, scopes: 'write', query: byId, headers: tusHeaders, errors, ...o };
}

export const IMPORT_OPERATIONS: readonly Operation[] = [
  post('imports.create', {
    tag,
    summary: 'Begin an import: where its file goes; or, by its sha256, the import that has this file already',
    scopes: 'write',
    body: createFields,
    answers: { 201: ['Waiting for the file', created], 200: ['The same file is being imported, or was', created] },
    errors: [400, 401, 403, 413, 415, 422, 429, 503, 507],
    example: { file_name: 'contacts.csv', size: 1_048_576 },
  }),
  {
    ...{ path: '/api/imports.upload', method: 'put', tag, scopes: 'write', query: byId, bytes: 'text/csv' },
    summary: 'The file, in one go, whatever the content type; sent again it begins anew',
    answers: { 200: ['It is complete, and can be read', one] },
    errors: [400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 507],
  },
  tus('post', {
    summary: 'Resumable upload (tus 1.0): begin, from the first byte. With a body: the first bytes, too',
    headers: tusHeaders.extend({ 'upload-length': z.string().describe('Bytes of the file') }),
    answers: { 201: ['`Location` is this URL', null] },
  }),
  tus('head', { summary: 'Resumable upload: how far it is, in `Upload-Offset`', answers: { 200: ['How far it is', null] } }),
  tus('patch', {
    summary: 'Resumable upload: more bytes. With the last of them the import is `uploaded`',
    headers: tusHeaders.extend({ 'upload-offset': uploadOffset }),
    bytes: 'application/offset+octet-stream',
    answers: { 204: ['They are on disk; `Upload-Offset` says how far it is', null] },
  }),
  tus('delete', { summary: 'Resumable upload: give it up; the import is `cancelled`', answers: { 204: ['Gone', null] } }),
  get('imports.preview', {
    tag,
    summary: 'What the file looks like, and which field each column most likely is',
    scopes,
    query: byId,
    answers: { 200: ['The beginning of the file', preview] },
    errors: [...LOOK, 409],
  }),
  post('imports.start', {
    tag,
    summary: 'Start an import that is uploaded',
    scopes: 'write',
    body: startFields.extend({ id, list_ids: z.array(z.string()).optional().describe('Lists that every contact is subscribed to') }),
    answers: {
      202: ['It runs, whatever becomes of this connection', changed],
      200: ['The same file is being imported, or was: that import; or this one, when it was started before', changed],
    },
    errors: WRITE,
    waits: false,
    example: {
      id: 'IMPORT_ID',
      list_ids: ['newsletter'],
      mapping: { 0: 'email', 1: 'full_name', 2: null },
      column_formats: { 3: { date: 'dmy' } },
    },
  }),
  get('imports.get', { tag, summary: 'One import', scopes, query: byId, answers: { 200: ['The import', one] }, errors: LOOK }),
  get('imports.list', {
    tag,
    summary: 'Imports, the newest first',
    scopes,
    query: z.object({ status: z.enum(IMPORT_STATUSES).optional(), limit: limit(100, 20), cursor }),
    answers: { 200: ['A page', z.object({ imports: z.array(importShape), next_cursor: nextCursor })] },
    errors: [...READ, 400, 429],
  }),
  get('imports.events', {
    tag,
    summary: 'The progress as server-sent events: `progress` for each change, `end` as the last',
    scopes,
    query: byId,
    answers: {
      200: ['`data` of each event is `{"import": …}`', z.string(), 'text/event-stream'],
      204: ['After `end` there is nothing more', null],
    },
    errors: LOOK,
  }),
  get('imports.rejects', {
    tag,
    summary: 'Rejected rows as CSV: line, column, code and reason, then the cells as they were in the file',
    scopes,
    query: byId,
    answers: { 200: ['The file, safe to open in a spreadsheet', z.string(), 'text/csv'] },
    errors: LOOK,
  }),
  post('imports.pause', {
    tag,
    summary: 'Pause an import; what is under way is still finished and counted',
    scopes: 'write',
    body: byId,
    answers: { 200: ['Paused', changed] },
    errors: WRITE,
    example: { id: 'IMPORT_ID' },
  }),
  post('imports.resume', {
    tag,
    summary: 'Go on with a paused import',
    scopes: 'write',
    body: byId,
    answers: { 200: ['It runs', changed] },
    errors: WRITE,
    example: { id: 'IMPORT_ID' },
  }),
  post('imports.cancel', {
    tag,
    summary: 'End an import; rows that are done stay',
    scopes: 'write',
    body: byId,
    answers: { 200: ['Cancelled; `ended_at` is set once what is under way is counted', changed] },
    errors: WRITE,
    example: { id: 'IMPORT_ID' },
  }),
  post('imports.delete', {
    tag,
    summary: 'Remove an import that has ended, or was not started, with its file and rejected rows; contacts stay',
    scopes: 'write',
    body: byId,
    answers: { 200: ['Gone', z.object({ id, status: z.literal('deleted'), warnings })] },
    errors: WRITE,
    example: { id: 'IMPORT_ID' },
  }),
];
