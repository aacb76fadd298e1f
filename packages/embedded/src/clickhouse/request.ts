import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { inflated, readAll } from './body.ts';
import type { Scope } from './engine.ts';
import { notImplemented } from './exceptions.ts';
import { isInsertWithFormat } from './sql.ts';

/** One statement as it came over HTTP. */
export interface QueryRequest {
  readonly queryId: string;
  readonly sql: string;
  readonly scope: Scope;
  /** Format of the result when the statement names none. */
  readonly format: string;
  /** Client asked for the whole result (or its failure) before the first byte. */
  readonly waitEndOfQuery: boolean;
  readonly compress: boolean;
  /** The rows of an `INSERT … FORMAT x`; undefined for any other statement. */
  readonly rows: Readable | undefined;
}

/** URL parameters that steer the interface itself; whatever else is there is a setting. */
const INTERFACE = new Set([
  'query',
  'database',
  'default_format',
  'query_id',
  'user',
  'password',
  'quota_key',
  'wait_end_of_query',
  'buffer_size',
  'enable_http_compression',
]);
/** Parameters a server knows and this front does not: refused, because ignoring them would change results. */
const REFUSED = ['session_id', 'role', 'compress', 'decompress', 'stacktrace'];
const QUERY_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Reads a request as ClickHouse's HTTP interface defines it.
 *
 * @throws ClickHouseException for what cannot be understood.
 */
export async function readQuery(request: IncomingMessage, url: URL): Promise<QueryRequest> {
  const parameters = new URLSearchParams(url.searchParams);
  const type = header(request, 'content-type') ?? '';
  let rows: Readable | undefined;
  let sql: string;
  if (type.startsWith('multipart/form-data')) {
    await addParts(parameters, request, type);
    sql = parameters.get('query') ?? '';
  } else {
    const inUrl = parameters.get('query') ?? '';
    if (isInsertWithFormat(inUrl)) {
      sql = inUrl;
      rows = inflated(request);
    } else {
      const text = (await readAll(inflated(request), QUERY_BYTES_MAX)).toString('utf8');
      sql = inUrl === '' || text === '' ? inUrl + text : `${inUrl}\n${text}`;
    }
  }
  for (const name of REFUSED) {
    const value = parameters.get(name);
    if (value !== null && value !== '' && value !== '0')
      throw notImplemented(`The local ClickHouse does not support the parameter ${name}`);
  }
  return {
    queryId: parameters.get('query_id') || randomUUID(),
    sql,
    scope: scopeOf(request, parameters),
    format: parameters.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated',
    waitEndOfQuery: parameters.get('wait_end_of_query') === '1',
    compress: parameters.get('enable_http_compression') === '1' && /\bgzip\b/.test(header(request, 'accept-encoding') ?? ''),
    rows,
  };
}

function scopeOf(request: IncomingMessage, parameters: URLSearchParams): Scope {
  const settings = new Map<string, string>();
  const params = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (name.startsWith('param_')) params.set(name.slice('param_'.length), value);
    else if (!INTERFACE.has(name) && !REFUSED.includes(name)) settings.set(name, value);
  }
  const database = parameters.get('database') || header(request, 'x-clickhouse-database') || 'default';
  // As a server: GET is idempotent by definition, so it may not write.
  return { database, settings, params, readOnly: request.method === 'GET' || request.method === 'HEAD' };
}

/** Large typed parameters come as form parts, with the query among them. */
async function addParts(parameters: URLSearchParams, request: IncomingMessage, type: string): Promise<void> {
  const body = await readAll(inflated(request), QUERY_BYTES_MAX);
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  for (const [name, value] of form) {
    if (typeof value !== 'string') throw notImplemented('The local ClickHouse does not support external tables');
    parameters.set(name, value);
  }
}

/** One value of a header; of several, the first. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
