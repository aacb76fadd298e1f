import {
  ClickHouseError,
  ClickHouseLogLevel,
  createClient as createHttpClient,
  type ClickHouseClient as HttpClient,
} from '@clickhouse/client';

export type ClickHouse = HttpClient;

/**
 * Client over HTTP. `async_insert` is off by name: since 26.2 the server's default is on, and an acknowledged asynchronous
 * insert can still be lost. Deduplication by block is off, too: identity is the tables' sort key.
 */
export function createClickHouse(url: string, options: { maxConnections?: number; requestTimeoutMs?: number } = {}): ClickHouse {
  return createHttpClient({
    url,
    max_open_connections: options.maxConnections ?? 10,
    request_timeout: options.requestTimeoutMs ?? 30_000,
    compression: { request: false, response: false },
    // The callers decide what is logged: the driver would log whole rows.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { async_insert: 0, insert_deduplicate: 0 },
  });
}

/** Numeric ClickHouse error code, or null when the error did not come from the server. */
export function clickhouseCode(error: unknown): number | null {
  return error instanceof ClickHouseError ? Number(error.code) : null;
}

/**
 * Codes that a row's content causes: repeating cannot help, so the batch is split until the row is found. Everything that is not
 * listed (memory, too many parts, timeouts, connection) is transient and waits: splitting there would reject good rows.
 */
const DATA_ERRORS = new Set([
  6, // CANNOT_PARSE_TEXT
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  131, // TOO_LARGE_STRING_SIZE
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  407, // DECIMAL_OVERFLOW
]);

export function isRowError(error: unknown): boolean {
  const code = clickhouseCode(error);
  return code !== null && DATA_ERRORS.has(code);
}

/** Codes by which a server says that a statement asks for too much: repeating it would meet the same limit. */
const TOO_HEAVY: ReadonlyMap<number, string> = new Map([
  [36, 'has too many nodes'], // BAD_ARGUMENTS, of a query tree
  [62, 'is too long'], // SYNTAX_ERROR, beyond max_query_size
  [158, 'reads too many rows'],
  [159, 'takes too long'],
  [160, 'takes too long'],
  [161, 'has too many columns'],
  [162, 'is nested too deeply'],
  [167, 'is nested too deeply'],
  [168, 'is too large'],
  [191, 'has too many values'],
  [241, 'needs too much memory'],
  [306, 'is nested too deeply'],
  [307, 'reads too many bytes'],
  [396, 'has too large a result'],
  [718, 'is too long'],
]);

/** What a statement asks too much of, for people (`needs too much memory`); null when the error is of another kind. */
export function tooHeavy(error: unknown): string | null {
  return TOO_HEAVY.get(clickhouseCode(error) ?? 0) ?? null;
}
