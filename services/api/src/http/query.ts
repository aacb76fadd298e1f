/** Reading query parameters: every one is checked here, so nothing unchecked reaches a store. */

import { type Issue, isBlank, normaliseEmail, readExternalId } from '@muster/domain';
import type { HonoRequest } from 'hono';
import { fail, invalid } from './errors.ts';

/** Query parameters of one request. */
export type Query = { one: (name: string) => string | undefined; all: (name: string) => string[] };

/** Reads them when asked: the calls that bring items in have none. */
export class RequestQuery implements Query {
  readonly #request: HonoRequest;

  constructor(request: HonoRequest) {
    this.#request = request;
  }

  one(name: string): string | undefined {
    return this.#request.query(name);
  }

  all(name: string): string[] {
    return this.#request.queries(name) ?? [];
  }
}

// What Postgres cannot store can be in no row; sent on, it would fail the statement.
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** A parameter's text, undefined when absent or empty. */
export function textParam(query: Query, name: string, maxLength = 1_000): string | undefined {
  const value = query.one(name);
  if (value === undefined || value === '') return undefined;
  if (UNSTORABLE.test(value)) throw invalid(name, 'invalid_characters', `${name} holds a NUL or an unpaired surrogate; remove it.`);
  if (value.length > maxLength) throw invalid(name, 'too_long', `${name} is too long.`);
  return value;
}

export function requiredParam(query: Query, name: string): string {
  const value = textParam(query, name);
  if (value === undefined || isBlank(value)) throw invalid(name, 'required', `${name} is required.`);
  return value;
}

/** A whole number within bounds. @throws ApiError 422 */
export function limitParam(query: Query, fallback: number, max: number): number {
  const text = query.one('limit');
  if (text === undefined || text === '') return fallback;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > max) throw invalid('limit', 'invalid_value', `limit is a whole number from 1 to ${max}.`);
  return limit;
}

export function booleanParam(query: Query, name: string): boolean {
  const text = query.one(name);
  if (text === undefined || text === '' || text === 'false' || text === '0') return false;
  if (text === 'true' || text === '1') return true;
  throw invalid(name, 'invalid_value', `${name} is true or false.`);
}

export function choiceParam<T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined {
  const text = textParam(query, name);
  if (text === undefined) return undefined;
  const choice = choices.find((c) => c === text);
  if (choice === undefined) throw invalid(name, 'invalid_value', `${name} is one of ${choices.join(', ')}.`);
  return choice;
}

/** `name[]=a&name[]=b`, `name=a&name=b` or `name=a,b`. */
export function manyParam(query: Query, name: string, maxValues = 100): string[] {
  const values = [...query.all(`${name}[]`), ...query.all(name)].flatMap((v) => v.split(',')).filter((v) => v !== '');
  if (values.length > maxValues) throw invalid(name, 'too_large', `${name} takes at most ${maxValues} values.`);
  if (values.some((v) => v.length > 300 || UNSTORABLE.test(v))) throw invalid(name, 'invalid_value', `A value of ${name} is not valid.`);
  return [...new Set(values)];
}

/** Normalised as upserts normalise it, so that case and white space do not matter. @throws ApiError 422 */
export function emailParam(value: unknown, field = 'email'): string {
  const result = normaliseEmail(value, undefined, field);
  if (!result.ok) throw fail('validation_failed', { details: [result.issue] });
  return result.email;
}

export function externalIdParam(value: unknown, field = 'external_id'): string {
  const issues: Issue[] = [];
  const id = readExternalId(value, field, undefined, issues);
  if (id === undefined) throw fail('validation_failed', { details: issues });
  if (UNSTORABLE.test(id)) throw invalid(field, 'invalid_characters', `${field} holds a NUL or an unpaired surrogate; remove it.`);
  return id;
}

/** A contact id as sent: a positive integer, in a query as text. */
export function contactIdParam(value: unknown, field = 'contact_id'): number {
  const id = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 2_147_483_647)
    throw invalid(field, 'invalid_value', `${field} is a positive whole number.`);
  return id;
}
