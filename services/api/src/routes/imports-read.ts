/** imports.preview, .get, .list, .rejects and .events. */
import { csvRow } from '@muster/csv';
import { IMPORT_STATUSES, type ImportReject, type ImportRow, listImports, pageRejects } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, importCursor } from '../http/cursor.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fromPostgres } from '../http/failures.ts';
import { keyOf } from '../http/headers.ts';
import { choiceParam, limitParam } from '../http/query.ts';
import { csvHeaders, type Pieces, streamed } from '../http/stream.ts';
import { END_ID, progressEvents, SSE_HEADERS } from '../imports/events.ts';
import { requireImport } from '../imports/find.ts';
import { keptHeaders, readHead } from '../imports/head.ts';
import { importJson } from '../imports/json.ts';

const SHOWN_ROWS = 20;
const REJECTS_PAGE = 1_000;

export function importReadRoutes(deps: ApiDeps): Endpoint[] {
  const preview: Endpoint['handle'] = async ({ grant, query }) => {
    const row = await requireImport(deps, grant.workspaceId, query.one('id'));
    const { dialect, columns, rows, warnings } = await readHead(deps, row);
    const readable = rows.filter((r) => r.fault === null).slice(0, SHOWN_ROWS);
    return {
      status: 200,
      body: {
        ...{ encoding: dialect.encoding, delimiter: dialect.delimiter, header: dialect.header, columns },
        ...{ rows: readable.map((r) => r.cells), warnings },
      },
    };
  };

  const get: Endpoint['handle'] = async ({ grant, query }) => ({
    status: 200,
    body: { import: importJson(await requireImport(deps, grant.workspaceId, query.one('id'))) },
  });

  const list: Endpoint['handle'] = async ({ grant, query }) => {
    const limit = limitParam(query, 20, 100);
    const status = choiceParam(query, 'status', IMPORT_STATUSES) ?? null;
    const before = decodeCursor(query.one('cursor'), importCursor)?.[0] ?? null;
    const rows = await fromPostgres(listImports(deps.pool, grant.workspaceId, { before, limit: limit + 1, status }));
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last ? { next_cursor: encodeCursor([last.import_id]) } : {};
    return { status: 200, body: { imports: page.map(importJson), ...next } };
  };

  const rejects: Endpoint['handle'] = async (request) => {
    const row = await requireImport(deps, request.grant.workspaceId, request.query.one('id'));
    return streamed(deps, request, csvHeaders(`rejects-${row.import_id}.csv`), rejectsCsv(deps, row));
  };

  const events: Endpoint['handle'] = async (request) => {
    const row = await requireImport(deps, request.grant.workspaceId, request.query.one('id'));
    // No content: what server-sent events have to say "do not connect again" with.
    if (request.c.req.header('last-event-id') === END_ID && row.ended_at !== null)
      return { status: 204, response: new Response(null, { status: 204 }) };
    const key = keyOf(request.c.req.header('authorization')) ?? '';
    const stillAllowed = async () => (await deps.keys.find(key, true)) !== null;
    return streamed(deps, request, SSE_HEADERS, progressEvents(deps, row, stillAllowed));
  };

  return [
    { method: 'GET', path: '/api/imports.preview', scopes: ['read', 'write'], handle: preview },
    { method: 'GET', path: '/api/imports.get', scopes: ['read', 'write'], handle: get },
    { method: 'GET', path: '/api/imports.list', scopes: ['read', 'write'], handle: list },
    { method: 'GET', path: '/api/imports.rejects', scopes: ['read', 'write'], handle: rejects },
    { method: 'GET', path: '/api/imports.events', scopes: ['read', 'write'], handle: events },
  ];
}

/** Why, then the row as it was: rows may have any number of cells, so what has its place comes first. */
async function* rejectsCsv(deps: ApiDeps, row: ImportRow): Pieces {
  const headers = keptHeaders(row);
  const lineOf = (reject: ImportReject): string =>
    csvRow([
      ...[String(reject.line), columnName(reject.column, headers), reject.code, reject.message],
      ...(reject.raw === null ? reject.cells : [reject.raw]),
    ]);
  let text = csvRow(['line', 'column', 'code', 'reason', ...headers]);
  for (let afterLine = 0; ; ) {
    const page = await fromPostgres(pageRejects(deps.pool, row.workspace_id, row.import_id, { afterLine, limit: REJECTS_PAGE }));
    yield text + page.map(lineOf).join('');
    text = '';
    const last = page.at(-1);
    if (!last || page.length < REJECTS_PAGE) return;
    afterLine = last.line;
  }
}

/** What the file calls a column, else its number. */
function columnName(column: number | null, headers: readonly string[]): string {
  if (column === null) return '';
  return headers[column] || String(column);
}
