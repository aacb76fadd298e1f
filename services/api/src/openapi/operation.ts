/** What the document says about one call, and what many calls have in common. */
import { z } from 'zod';
import { answers } from './responses.ts';

export type Operation = {
  path: string;
  method: 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';
  tag: string;
  summary: string;
  scopes: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Also understood: one JSON value a line. */
  ndjson?: boolean;
  /** The body is the bytes of a file, of this type. */
  bytes?: string;
  headers?: z.ZodObject;
  /** Its 200 and 202 have nothing to do with `Prefer: wait`. */
  waits?: false;
  /** Status → meaning, shape and, where it is not JSON, type; null = no body. */
  answers: Record<number, [meaning: string, shape: z.ZodType | null, type?: string]>;
  errors: number[];
  example?: unknown;
};

export const email = z.string().describe('Email of the contact; letter case and surrounding white space do not matter');
export const contactId = z.number().int().positive().describe('Id of the contact');
export const byEmailOrId = { email: email.optional(), contact_id: contactId.optional() };
export const cursor = z.string().optional().describe('`next_cursor` of the page before');
export const limit = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback).describe(`1 to ${max}`);

export const single = {
  202: ['Accepted and on disk', answers.single],
  200: ['With `Prefer: wait`: applied in both databases', answers.singleApplied],
} satisfies Operation['answers'];
export const batch = {
  202: ['Accepted and on disk; `rejected` has one entry per faulty field', answers.batch],
  200: ['With `Prefer: wait`: applied in both databases', answers.batchApplied],
} satisfies Operation['answers'];
export const INTAKE = [400, 401, 403, 413, 415, 422, 429, 503];
export const READ = [401, 403, 422, 503];
export const ingest = 'ingest or write';

export const post = (path: string, o: Omit<Operation, 'path' | 'method'>): Operation => ({ path: `/api/${path}`, method: 'post', ...o });
export const get = (path: string, o: Omit<Operation, 'path' | 'method' | 'scopes'> & { scopes?: string }): Operation => ({
  path: `/api/${path}`,
  method: 'get',
  scopes: 'read',
  ...o,
});
