/** jobs.get and rejections.list. */
import {
  countVerdicts,
  findErasure,
  findLedger,
  type LedgerRow,
  pageRejections,
  type RejectionRow,
  rejectionsOfJob,
  VERDICTS,
  type Verdict,
} from '@muster/postgres';
import { type ChunkRange, parseJobId } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { decodeCursor, encodeCursor, rejectionCursor } from '../http/cursor.ts';
import type { Answer, Endpoint } from '../http/endpoint.ts';
import { fail } from '../http/errors.ts';
import { fromPostgres, fromRedis } from '../http/failures.ts';
import { limitParam, requiredParam, textParam } from '../http/query.ts';
import { membershipsOf } from '../intake.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function jobRoutes(deps: ApiDeps): Endpoint[] {
  const get: Endpoint['handle'] = async ({ grant, query }) => {
    const id = requiredParam(query, 'id');
    return UUID.test(id) ? erasureJob(deps, grant.workspaceId, id) : chunkJob(deps, grant.workspaceId, id);
  };

  const rejections: Endpoint['handle'] = async ({ grant, query }) => {
    const limit = limitParam(query, 50, 100);
    const beforeId = decodeCursor(query.one('cursor'), rejectionCursor)?.[0] ?? null;
    const code = textParam(query, 'code', 100) ?? null;
    const jobId = textParam(query, 'job_id', 200);
    if (jobId?.includes('.')) {
      const rows = await rejectionsOfItems(deps, grant.workspaceId, jobId);
      return { status: 200, body: { rejections: rows.filter((r) => code === null || r.code === code).map(rejectionJson) } };
    }
    const rows = await fromPostgres(
      pageRejections(deps.pool, grant.workspaceId, { beforeId, limit: limit + 1, code, jobId: jobId ?? null }),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last ? { next_cursor: encodeCursor([last.rejection_id]) } : {};
    return { status: 200, body: { rejections: page.map(rejectionJson), ...next } };
  };

  return [
    { method: 'GET', path: '/api/jobs.get', scopes: ['read', 'ingest', 'write'], handle: get },
    { method: 'GET', path: '/api/rejections.list', scopes: ['read'], handle: rejections },
  ];
}

async function erasureJob(deps: ApiDeps, workspaceId: number, id: string): Promise<Answer> {
  const erasure = await fromPostgres(findErasure(deps.pool, workspaceId, id));
  if (!erasure) throw fail('job_not_found');
  const completed_at = erasure.completed_at?.toISOString() ?? null;
  return {
    status: 200,
    body: { job: { id, type: 'erasure', status: erasure.status, swept_at: erasure.swept_at?.toISOString() ?? null, completed_at } },
  };
}

/** queued → running → applied (in Postgres) → completed (in both databases). */
async function chunkJob(deps: ApiDeps, workspaceId: number, id: string): Promise<Answer> {
  const parsed = parseJobId(id);
  if (!parsed) throw fail('job_not_found');
  const { chunkId, range } = parsed;
  let row = await fromPostgres(findLedger(deps.pool, chunkId));
  if (!row) {
    const sighting = await fromRedis(deps.inspector.findChunk(parsed.queue, chunkId));
    if (sighting && sighting.workspaceId !== workspaceId) throw fail('job_not_found');
    // It may have been applied, and so have left the queue, between the two looks.
    if (!sighting) row = await fromPostgres(findLedger(deps.pool, chunkId));
    else return { status: 200, body: { job: { id, type: 'items', status: sighting.state } } };
  }
  if (!row || row.workspaceId !== workspaceId) throw fail('job_not_found');
  const verdicts = inRange(row.verdicts, range);
  if (range !== null && verdicts.length === 0) throw fail('job_not_found');
  const errors = verdicts.some((v) => v.v === 'r') ? await fromPostgres(rejectionsOfJob(deps.pool, workspaceId, chunkId)) : new Map();
  return {
    status: 200,
    body: {
      job: {
        id,
        type: 'items',
        status: row.delivered ? 'completed' : 'applied',
        accepted_at: acceptedTime(row),
        counts: { items: verdicts.length, ...countVerdicts(verdicts) },
        operations: verdicts.map((v) => operation(v, errors.get(v.i) ?? null)),
      },
    },
  };
}

function inRange(verdicts: readonly Verdict[], range: ChunkRange | null): readonly Verdict[] {
  return range === null ? verdicts : verdicts.slice(range.first, range.last + 1);
}

function acceptedTime(row: LedgerRow): string {
  return new Date(row.acceptedAt / 1_000).toISOString();
}

function operation(verdict: Verdict, error: { field: string; code: string; message: string } | null) {
  return {
    index: Number(verdict.i.slice(verdict.i.lastIndexOf(':') + 1)),
    action: VERDICTS[verdict.v],
    contact_id: verdict.id ?? null,
    ...(verdict.m ? { memberships: membershipsOf(verdict) } : {}),
    ...(error ? { error } : {}),
  };
}

/** Rejections of one request's items in a chunk; they carry the chunk's id. */
async function rejectionsOfItems(deps: ApiDeps, workspaceId: number, jobId: string): Promise<RejectionRow[]> {
  const parsed = parseJobId(jobId);
  const row = parsed ? await fromPostgres(findLedger(deps.pool, parsed.chunkId)) : null;
  if (!parsed || row?.workspaceId !== workspaceId) return [];
  const ids = new Set(inRange(row.verdicts, parsed.range).map((v) => v.i));
  // A chunk has at most 1,000 items.
  const query = { beforeId: null, limit: 1_000, code: null, jobId: parsed.chunkId };
  const rows = await fromPostgres(pageRejections(deps.pool, workspaceId, query));
  return rows.filter((r) => ids.has(r.item_id));
}

function rejectionJson(row: RejectionRow) {
  return {
    id: row.rejection_id,
    job_id: row.job_id,
    item_id: row.item_id,
    index: Number(row.item_id.slice(row.item_id.lastIndexOf(':') + 1)),
    source: row.source,
    code: row.code,
    field: row.field,
    message: row.message,
    payload: JSON.parse(row.payload) as unknown,
    accepted_at: new Date(Number(row.accepted_at) / 1_000).toISOString(),
  };
}
