/**
 * A failure a person can act on: its message says what is wrong and what to do.
 * The command line prints the message alone, without a stack trace, and exits with code 1.
 */
export class LocalStackError extends Error {
  override readonly name = 'LocalStackError';
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`, …), or undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
