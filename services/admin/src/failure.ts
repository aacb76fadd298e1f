import { clickhouseCode } from '@muster/clickhouse';
import { sqlState } from '@muster/postgres';

/** One line about an unexpected failure: which store, its code, and what to look at. Never a stack trace or a URL (it may hold a password). */
export function describeFailure(error: unknown): string {
  const state = sqlState(error);
  if (state !== null) return `Postgres refused a statement (SQLSTATE ${state}): ${messageOf(error)}. Has \`migrate\` been run?`;
  const code = clickhouseCode(error);
  if (code !== null) return `ClickHouse refused a statement (code ${code}): ${messageOf(error)}. Has \`migrate\` been run?`;
  const network = networkCode(error);
  if (network !== null)
    return `A database cannot be reached (${network}). Check that it runs, and MUSTER_POSTGRES_URL, MUSTER_REDIS_URL and MUSTER_CLICKHOUSE_URL.`;
  return `Failed: ${messageOf(error)}`;
}

const NETWORK = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH)/;

/** Code of a failed connection, also when it is one of several attempts (a name with two addresses). */
export function networkCode(error: unknown): string | null {
  if (error instanceof AggregateError) return networkCode(error.errors[0]);
  if (!(error instanceof Error)) return null;
  if ('code' in error && typeof error.code === 'string' && NETWORK.test(error.code)) return error.code;
  return error.cause === undefined ? null : networkCode(error.cause);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.message.split('\n')[0]?.trim() || error.name;
}
