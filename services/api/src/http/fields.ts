/** Reading the top level of a request's body: known fields, and a warning for every other one. */
import { type Issue, isForbiddenKey, issue, LIST_ID_PATTERN, MAX_LISTS_PER_CALL } from '@muster/domain';
import { SEGMENT_ID_PATTERN } from '@muster/segments';
import { type ErrorCode, fail, invalid } from './errors.ts';

type Body = Record<string, unknown>;

/** Warnings for fields that the call does not have. @throws ApiError 422 for keys that reach a prototype. */
export function unknownFields(body: Body, known: readonly string[]): Issue[] {
  const warnings: Issue[] = [];
  for (const name of Object.keys(body)) {
    if (known.includes(name)) continue;
    if (isForbiddenKey(name))
      throw invalid(name, 'forbidden_key', 'The keys __proto__, constructor and prototype are not allowed; rename the key.');
    if (warnings.length < 100) warnings.push(issue(undefined, name, 'ignored_field', 'This call has no such field; it was ignored.'));
  }
  return warnings;
}

/** `list_ids` as given, without repeats. @throws ApiError 422, or 404 for text that can be no list's id. */
export function listIdsField(body: Body, name = 'list_ids'): string[] {
  const value = body[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(name, 'invalid_type', `${name} must be an array of list ids.`);
  if (value.length > MAX_LISTS_PER_CALL) throw invalid(name, 'too_large', `${name} has at most ${MAX_LISTS_PER_CALL} lists.`);
  return [...new Set(value.map((id) => listIdValue(id, name)))];
}

export function listIdValue(value: unknown, field = 'list_id'): string {
  return idValue(value, field, LIST_ID_PATTERN, 'list_not_found');
}

export function segmentIdValue(value: unknown, field = 'segment_id'): string {
  return idValue(value, field, SEGMENT_ID_PATTERN, 'segment_not_found');
}

/** An id as sent. @throws ApiError 422, or 404 for text that can be nobody's id */
function idValue(value: unknown, field: string, pattern: RegExp, unknown: ErrorCode): string {
  if (value === undefined || value === null) throw invalid(field, 'required', `${field} is required.`);
  if (typeof value !== 'string') throw invalid(field, 'invalid_type', `${field} must be a string.`);
  if (value === '') throw invalid(field, 'empty_not_allowed', `${field} must not be empty.`);
  if (!pattern.test(value)) throw fail(unknown);
  return value;
}

export function booleanField(body: Body, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw invalid(name, 'invalid_type', `${name} must be true or false.`);
  return value;
}

export function choiceField<T extends string>(body: Body, name: string, choices: readonly T[]): T | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const choice = choices.find((c) => c === value);
  if (choice === undefined) throw invalid(name, 'invalid_value', `${name} is one of ${choices.join(', ')}.`);
  return choice;
}
