import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { blocks } from './body.ts';
import type { Engine } from './engine.ts';
import { type ClickHouseException, fromEngine, httpStatus } from './exceptions.ts';
import { type QueryRequest, readQuery } from './request.ts';
import { formatOf, isRead } from './sql.ts';

/** Formats whose pieces can be sent as they come: no head, no foot, nothing between rows but the newline. */
const STREAMED = new Set(['JSONEachRow', 'JSONCompactEachRow', 'TabSeparated', 'TSV', 'CSV', 'RowBinary']);
/** A server accepts 1 MiB of URL; Node counts the headers in. */
const HEADER_BYTES_MAX = 2 * 1024 * 1024;

/** What the server needs. */
export interface ServerOptions {
  readonly engine: Engine;
  /** Appended to error texts as a server does, for instance `26.7.2.1`. */
  readonly version: string;
}

/**
 * ClickHouse's HTTP interface over the embedded engine.
 *
 * Differences to a server, all refused or visible: no `session_id`, no roles or users (any credentials are accepted: the
 * port is loopback only), no native compression (`compress=1`), no external tables; `system.query_log` and the other
 * `*_log` tables do not exist in the embedded engine, and the engine's own `query_id` is not the one of the request, so
 * `KILL QUERY WHERE query_id = …` finds nothing. A read is cancelled when its client goes away.
 */
export function createFront(options: ServerOptions): Server {
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX, keepAliveTimeout: 30_000, requestTimeout: 0 }, (request, response) => {
    response.on('error', () => {}); // The client went away: its 'close' cancels the query, there is nobody to tell.
    void answer(options, request, response);
  });
  return server;
}

async function answer(options: ServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Who answers: a start must not take another process on this port for its own.
  response.setHeader('X-Muster-Process', String(process.pid));
  response.setHeader('X-ClickHouse-Server-Display-Name', 'muster-local');
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  try {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return void response.end('Ok.\n');
    if (url.pathname !== '/' || !['GET', 'HEAD', 'POST'].includes(request.method ?? '')) {
      response.statusCode = 404;
      return void response.end(`There is no handle ${url.pathname}\n`);
    }
    const query = await readQuery(request, url);
    response.setHeader('X-ClickHouse-Query-Id', query.queryId);
    if (query.sql.trim() === '') return void response.end('Ok.\n');
    await run(options, query, response);
  } catch (error) {
    fail(options, fromEngine(error), response);
    // What is left of the body is of no interest, but the connection can be used again only when it is read.
    request.resume();
  }
}

async function run(options: ServerOptions, query: QueryRequest, response: ServerResponse): Promise<void> {
  if (query.rows !== undefined) return insert(options.engine, query, query.rows, response);
  const format = formatOf(query.sql) ?? query.format;
  response.setHeader('X-ClickHouse-Format', format);
  response.setHeader('Content-Type', contentType(format));
  if (!isRead(query.sql)) return sendWhole(options.engine, query, response, 'write');
  const comment = query.scope.settings.get('log_comment') ?? query.queryId;
  const settings = new Map(query.scope.settings).set('log_comment', comment);
  const scope = { ...query.scope, settings, isWanted: () => !response.destroyed };
  const onClose = (): void => {
    if (response.writableFinished) return;
    options.engine.cancel(comment).catch((error: unknown) => {
      process.stderr.write(`A query could not be cancelled: ${String(error)}\n`);
    });
  };
  response.once('close', onClose);
  const scoped = { ...query, scope };
  if (STREAMED.has(format) && !query.waitEndOfQuery) await sendPieces(options, scoped, format, response);
  else await sendWhole(options.engine, scoped, response, 'read');
}

async function insert(
  engine: Engine,
  query: QueryRequest,
  rows: NonNullable<QueryRequest['rows']>,
  response: ServerResponse,
): Promise<void> {
  const written = { rows: 0, bytes: 0, seconds: 0 };
  for await (const block of blocks(rows, formatOf(query.sql) ?? 'Values')) {
    const result = await engine.insert(query.scope, query.sql, block);
    written.rows += result.rowsWritten;
    written.bytes += result.bytesWritten;
    written.seconds += result.elapsed;
  }
  summary(response, { written_rows: written.rows, written_bytes: written.bytes, elapsed_ns: Math.round(written.seconds * 1e9) });
  response.end();
}

async function sendWhole(engine: Engine, query: QueryRequest, response: ServerResponse, lane: 'read' | 'write'): Promise<void> {
  const result = await engine.query(lane, query.scope, query.sql, query.format);
  summary(response, {
    // The engine counts what came out; what was read for it is only in the statistics of FORMAT JSON.
    result_rows: result.rowsRead,
    result_bytes: result.bytes.length,
    elapsed_ns: Math.round(result.elapsed * 1e9),
  });
  const out = openBody(query, response);
  out.end(result.bytes);
}

async function sendPieces(options: ServerOptions, query: QueryRequest, format: string, response: ServerResponse): Promise<void> {
  const tag = randomBytes(8).toString('hex');
  let out: Writable | undefined;
  const open = (): Writable => {
    if (out === undefined) {
      // A server that streams sends what it knows before the first row: nothing read yet.
      summary(response, {});
      response.setHeader('X-ClickHouse-Exception-Tag', tag);
      out = openBody(query, response);
    }
    return out;
  };
  try {
    await options.engine.stream(query.scope, query.sql, format, (bytes) => write(open(), bytes));
    open().end();
  } catch (error) {
    // Before the first piece the status can still say so; behind it, the text goes where the client looks for it.
    if (out === undefined) throw error;
    const message = withVersion(options, fromEngine(error));
    const length = Buffer.byteLength(message) + 1;
    out.end(`\r\n__exception__\r\n${tag}\r\n${message}\n${length} ${tag}\r\n__exception__\r\n`);
  }
}

/** Writes and waits until there is room again; a reader that went away counts as room (the query is being cancelled). */
function write(out: Writable, bytes: Uint8Array): Promise<void> {
  if (out.destroyed || out.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      out.off('drain', done);
      out.off('close', done);
      resolve();
    };
    out.on('drain', done);
    out.on('close', done);
  });
}

function openBody(query: QueryRequest, response: ServerResponse): Writable {
  if (!query.compress) return response;
  response.setHeader('Content-Encoding', 'gzip');
  const gzip = createGzip({ level: 1 });
  response.once('close', () => gzip.destroy());
  gzip.pipe(response);
  return gzip;
}

function summary(response: ServerResponse, values: Readonly<Record<string, number>>): void {
  const all = {
    read_rows: 0,
    read_bytes: 0,
    written_rows: 0,
    written_bytes: 0,
    total_rows_to_read: 0,
    result_rows: 0,
    result_bytes: 0,
    elapsed_ns: 0,
    ...values,
  };
  // A server writes the numbers as strings: they may pass what JSON readers keep exact.
  response.setHeader(
    'X-ClickHouse-Summary',
    JSON.stringify(Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)]))),
  );
}

function fail(options: ServerOptions, error: ClickHouseException, response: ServerResponse): void {
  if (response.headersSent) return void response.destroy();
  response.statusCode = httpStatus(error.code);
  response.setHeader('X-ClickHouse-Exception-Code', String(error.code));
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.end(`${withVersion(options, error)}\n`);
}

function withVersion(options: ServerOptions, error: ClickHouseException): string {
  return `${error.message} (version ${options.version} (embedded))`;
}

function contentType(format: string): string {
  if (format.startsWith('JSONEachRow') || format.endsWith('EachRow')) return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8';
  if (format.startsWith('RowBinary') || format === 'Native' || format === 'Parquet') return 'application/octet-stream';
  return 'text/tab-separated-values; charset=UTF-8';
}
