/** A failure as ClickHouse reports it: a numeric code, a name in capitals, a text. */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException';
  readonly code: number;

  /** @param text the whole text, `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`. */
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

/** Builds an exception of the front itself in the engine's words. */
export function exception(code: number, name: string, message: string): ClickHouseException {
  return new ClickHouseException(code, `Code: ${code}. DB::Exception: ${message}. (${name})`);
}

export const badArguments = (message: string): ClickHouseException => exception(36, 'BAD_ARGUMENTS', message);
export const notImplemented = (message: string): ClickHouseException => exception(48, 'NOT_IMPLEMENTED', message);
export const tooLarge = (message: string): ClickHouseException => exception(223, 'QUERY_IS_TOO_LARGE', message);
export const tooManyQueries = (message: string): ClickHouseException => exception(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);

export const cancelled = (message: string): ClickHouseException => exception(394, 'QUERY_WAS_CANCELLED', message);

/**
 * Reads what the engine threw. A failure without a code is the binding's own and becomes UNKNOWN_EXCEPTION (1002), which
 * writers retry: nothing is known about the data then.
 */
export function fromEngine(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const text = error instanceof Error ? error.message : String(error);
  const start = text.search(/Code: \d+\. /);
  if (start < 0) return exception(1002, 'UNKNOWN_EXCEPTION', text);
  const whole = text.slice(start).trimEnd();
  return new ClickHouseException(Number(/\d+/.exec(whole)?.[0]), whole);
}

/** The HTTP status a ClickHouse server answers with for a code (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp). */
export function httpStatus(code: number): number {
  if (BAD_REQUEST.has(code)) return 400;
  if (NOT_FOUND.has(code)) return 404;
  if (code === 223) return 413;
  if (code === 48) return 501;
  if (code === 209 || code === 76) return 503;
  return 500;
}

/** CANNOT_PARSE_*, SYNTAX_ERROR, INCORRECT_DATA, TYPE_MISMATCH and their like. */
const BAD_REQUEST = new Set([6, 26, 27, 38, 41, 43, 53, 62, 69, 70, 72, 85, 117, 130, 131, 377, 456, 457, 36]);
/** UNKNOWN_* : table, function, identifier, type, storage, database, setting, format, … */
const NOT_FOUND = new Set([46, 47, 50, 56, 60, 63, 73, 75, 81, 82, 107, 108, 113, 115]);
