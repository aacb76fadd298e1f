/** Faults found by a zod schema, in the one shape that all faults have. */
import type { z } from 'zod';
import { ISSUE_CODES, type IssueCode } from './codes.ts';
import { type Issue, issue } from './issue.ts';

const CODES: ReadonlySet<string> = new Set(ISSUE_CODES);

/**
 * One {@link Issue} per fault. `field` is the path (`list_ids[2]`, `contact.email`). Messages are zod's or the schema's own:
 * they name what was expected and never hold the value.
 */
export function issuesOfZodError(error: z.ZodError): Issue[] {
  return error.issues.map((fault) => issue(undefined, pathOf(fault.path), codeOf(fault), fault.message));
}

function pathOf(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${String(step)}`;
  return text;
}

function codeOf(fault: z.core.$ZodIssue): IssueCode {
  if (fault.code === 'custom') {
    const code: unknown = fault.params?.code;
    return typeof code === 'string' && CODES.has(code) ? (code as IssueCode) : 'invalid_value';
  }
  if (fault.code === 'invalid_type') return fault.input === undefined && / undefined$/.test(fault.message) ? 'required' : 'invalid_type';
  if (fault.code === 'too_big') return fault.origin === 'string' ? 'too_long' : 'too_large';
  return 'invalid_value';
}
