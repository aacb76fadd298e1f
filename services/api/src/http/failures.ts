/** Which answer an unexpected error becomes: the stores being away is 503, everything else is 500. Told by code, not by text. */
import { clickhouseCode } from '@muster/clickhouse';
import { isDataError, sqlState } from '@muster/postgres';
import { QueueUnavailableError } from '@muster/queues';
import { ApiError, fail } from './errors.ts';

const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
]);
/** ClickHouse codes that pass by themselves: deadlines, memory, too many queries or parts, shutting down. */
const CLICKHOUSE_BUSY = new Set([159, 160, 202, 209, 210, 236, 241, 242, 252, 279, 394, 439, 473]);

function networkCode(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && NETWORK.has(error.code);
}

/** The answer for any thrown value. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof QueueUnavailableError) return fail('queue_unavailable', { cause: error });
  if (!(error instanceof Error)) return fail('internal_error', { cause: error });
  if (sqlState(error) !== null)
    return fail(isTransientState(sqlState(error) ?? '') ? 'store_unavailable' : 'internal_error', { cause: error });
  const clickhouse = clickhouseCode(error);
  if (clickhouse !== null) return fail(CLICKHOUSE_BUSY.has(clickhouse) ? 'store_unavailable' : 'internal_error', { cause: error });
  return fail(networkCode(error) || error instanceof AggregateError ? 'store_unavailable' : 'internal_error', { cause: error });
}

/** Classes 08 connection, 40 rollback, 53 resources, 55 lock, 57 operator (shutdown, cancelled by a deadline), 58 system. */
function isTransientState(state: string): boolean {
  return ['08', '40', '53', '55', '57', '58'].some((c) => state.startsWith(c));
}

/**
 * Awaits a Postgres call: whatever is not a fault of the statement means that Postgres cannot be reached. (The pool's own
 * errors, a connection timeout for one, carry no code.)
 */
export async function fromPostgres<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const state = sqlState(error);
    if (isDataError(error) || (state !== null && !isTransientState(state))) throw error;
    throw fail('store_unavailable', { cause: error });
  }
}

/** Awaits a Redis call: any failure means that the queue cannot be reached. */
export async function fromRedis<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fail('queue_unavailable', { cause: error });
  }
}

/** Awaits a ClickHouse call: a failure without a server's code is one of the connection. */
export async function fromClickHouse<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = clickhouseCode(error);
    if (code !== null && !CLICKHOUSE_BUSY.has(code)) throw error;
    throw fail('store_unavailable', { cause: error });
  }
}
