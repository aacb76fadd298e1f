/** Failures of load tools that a person can act on: their message alone is shown, without a stack. */
import { LocalStackError } from '@muster/embedded';
import { ApiCallError } from '../client/client.ts';
import { UnreachableError } from '../client/http.ts';
import { DemoError } from '../demo/errors.ts';

export class LoadError extends Error {
  override readonly name = 'LoadError';
}

/** What to show of a failure: its message when it says what to do, else everything. */
export function describeFailure(error: unknown): string {
  const known = [LoadError, DemoError, LocalStackError, UnreachableError, ApiCallError].some((kind) => error instanceof kind);
  if (!(error instanceof Error)) return String(error);
  return known ? error.message : (error.stack ?? error.message);
}
