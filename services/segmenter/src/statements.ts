/** Statements to ClickHouse, counted by purpose, with the limits under which segments are evaluated. */
import { type ClickHouse, clickhouseCode, tooHeavy } from '@muster/clickhouse';
import { FIRST, readRows, SECOND, SETTINGS } from '@muster/segments';
import type { z } from 'zod';
import type { Deps } from './deps.ts';

type Params = Record<string, unknown>;
type Settings = NonNullable<Parameters<ClickHouse['query']>[0]['clickhouse_settings']>;

/**
 * What somebody waits for comes before the evaluation of contacts. Computing everybody anew for another reason has no priority: it neither
 * holds up evaluations nor makes way for every preview, or it might never end.
 */
const PRIORITIES: Readonly<Record<string, Settings>> = { build: FIRST, switch: FIRST, rebuild: {}, audit: {} };

const settings = (deps: Deps, purpose: string, seconds: number): Settings => ({
  ...SETTINGS,
  ...(PRIORITIES[purpose] ?? SECOND),
  max_execution_time: seconds,
  max_memory_usage: String(deps.config.MUSTER_SEGMENT_MEMORY_BYTES),
  timeout_overflow_mode: 'throw',
});

export async function rowsOf<T extends z.ZodType>(
  deps: Deps,
  purpose: string,
  statement: { query: string; params: Params; schema: T; seconds?: number; settings?: Settings },
): Promise<z.infer<T>[]> {
  deps.metrics.statements.inc({ purpose });
  return readRows(deps.clickhouse, {
    query: statement.query,
    params: statement.params,
    row: statement.schema,
    settings: { ...settings(deps, purpose, statement.seconds ?? deps.config.MUSTER_SEGMENT_STEP_SECONDS), ...statement.settings },
  });
}

/** Runs `INSERT … SELECT`; acknowledged when every row is in. */
export async function insertFrom(
  deps: Deps,
  purpose: string,
  statement: { query: string; params: Params; seconds: number },
): Promise<void> {
  deps.metrics.statements.inc({ purpose });
  await deps.clickhouse.command({
    query: statement.query,
    query_params: statement.params,
    clickhouse_settings: settings(deps, purpose, statement.seconds),
  });
}

/**
 * Why a segment cannot be evaluated, or null when the error is not the segment's: the connection, the server, a restart. A server that
 * refuses a statement for anything else than its load has met a fault of ours; the segment fails by itself, the others go on.
 */
export function reasonOf(error: unknown): string | null {
  const code = clickhouseCode(error);
  if (code === null) return null;
  const heavy = tooHeavy(error);
  if (heavy !== null) return `it ${heavy}`;
  return TRANSIENT.has(code) ? null : `ClickHouse refuses it (code ${code})`;
}

const TRANSIENT: ReadonlySet<number> = new Set([
  3, // UNEXPECTED_END_OF_FILE
  60, // UNKNOWN_TABLE: migrations are on their way
  74, // CANNOT_READ_FROM_FILE_DESCRIPTOR
  75, // CANNOT_WRITE_TO_FILE_DESCRIPTOR
  81, // UNKNOWN_DATABASE
  164, // READONLY
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  394, // QUERY_WAS_CANCELLED
  439, // CANNOT_SCHEDULE_TASK
  497, // ACCESS_DENIED
  516, // AUTHENTICATION_FAILED
  745, // SERVER_OVERLOADED
  999, // KEEPER_EXCEPTION
]);
