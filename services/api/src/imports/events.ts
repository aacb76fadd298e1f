/**
 * The progress of an import as server-sent events: one at once, one for each change, the last named `end`. Comments in between keep
 * proxies from closing a connection on which nothing happens.
 */
import { findImport, type ImportRow } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import type { ApiDeps } from '../deps.ts';
import { fromPostgres } from '../http/failures.ts';
import type { Pieces } from '../http/stream.ts';
import { importJson } from './json.ts';

const POLL_MS = 500;
const HEARTBEAT_MS = 10_000;
/** Id of the last event: a client that connects again with it has heard everything. */
export const END_ID = 'end';

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would collect events until its buffer is full.
  'x-accel-buffering': 'no',
};

/** Runs until the import has ended, the reader is gone, `stillAllowed` says no, or the process is about to end. */
export async function* progressEvents(deps: ApiDeps, first: ImportRow, stillAllowed: () => Promise<boolean>): Pieces {
  let shown = '';
  let saidAt = performance.now();
  for (let row: ImportRow | null = first; row; ) {
    const ended = row.ended_at !== null;
    const data = JSON.stringify({ import: importJson(row) });
    if (data !== shown || ended) {
      const id = ended ? END_ID : row.updated_at.getTime();
      yield `event: ${ended ? 'end' : 'progress'}\nid: ${id}\ndata: ${data}\n\n`;
      shown = data;
      saidAt = performance.now();
    }
    if (ended) return;
    await sleep(POLL_MS, deps.stopping);
    if (deps.stopping.aborted) return;
    if (performance.now() - saidAt > HEARTBEAT_MS) {
      if (!(await stillAllowed())) return;
      yield ': still here\n\n';
      saidAt = performance.now();
    }
    row = await fromPostgres(findImport(deps.pool, first.workspace_id, first.import_id));
  }
}
