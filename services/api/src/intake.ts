/**
 * The way of items from a checked request onto the queue, and, with `Prefer: wait`, the report of what became of them.
 *
 * Every item has an identity for life, `root:index`. The root is a fresh UUIDv7, or made of the Idempotency-Key: then the same
 * request sent again carries the same identities, and the workers apply each once.
 */
import { hash } from 'node:crypto';
import { type Issue, uuidv7 } from '@muster/domain';
import { rejectionsOfJob, VERDICTS, type Verdict } from '@muster/postgres';
import { itemId, jobIdsOf, type Placement, type RoutedItem } from '@muster/queues';
import type { ApiDeps } from './deps.ts';
import type { ApiRequest } from './http/endpoint.ts';
import { fail } from './http/errors.ts';
import { fromPostgres } from './http/failures.ts';
import { idempotencyKey, waitSeconds } from './http/headers.ts';

export type Identity = { root: string; index: number; idem?: true };

/** What a request says about its items as a whole. */
export type Intake = { root: string; idem: boolean; wait: number | null };

/** Reads Prefer and Idempotency-Key. @throws ApiError 400 */
export function openIntake(request: ApiRequest): Intake {
  const { c, grant, route } = request;
  const wait = waitSeconds(c.req.header('prefer'));
  const key = idempotencyKey(c.req.header('idempotency-key'));
  if (key === null) return { root: uuidv7(), idem: false, wait };
  const hex = hash('sha1', `${grant.workspaceId}\0${route}\0${key}`, 'hex');
  return {
    root: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
    idem: true,
    wait,
  };
}

export function identity(intake: Intake, index: number): Identity {
  return intake.idem ? { root: intake.root, index, idem: true } : { root: intake.root, index };
}

/** @throws ApiError 422 unless there are 1 to `max` items. */
export function requireBatchSize(count: number, max: number): void {
  if (count >= 1 && count <= max) return;
  throw fail('invalid_batch_size', {
    message: `A batch has 1 to ${max} items; this one has ${count > max ? `more than ${max}` : 'none'}.`,
  });
}

/** Puts items on the queue: all of them, or a 503. */
export async function enqueue(deps: ApiDeps, request: ApiRequest, intake: Intake, items: readonly RoutedItem[]): Promise<Placement[]> {
  const { grant, route } = request;
  if (items.length === 0) return [];
  deps.limiter.charge(grant.keyId, grant.rateLimit, items.length);
  const placements = await deps.producer.submit(grant.workspaceId, items, intake.wait !== null);
  deps.guard.note(grant.workspaceId, items);
  deps.metrics.accepted.inc({ route }, items.length);
  const stopped = deps.failpoints('api.after_enqueue');
  if (stopped) await stopped;
  return placements;
}

export type ItemError = { field: string; code: string; message: string };
/** What became of one item. */
export type Outcome = { verdict: Verdict; action: string; error: ItemError | null };

/** Waits for the effect of all items in both databases; null when it takes longer than the caller wants to wait. */
export async function awaitOutcomes(
  deps: ApiDeps,
  request: ApiRequest,
  intake: Intake,
  items: readonly RoutedItem[],
  placements: readonly Placement[],
): Promise<Outcome[] | null> {
  if (intake.wait === null) return null;
  const rows = await deps.waiter.wait(new Set(placements.map((p) => p.chunkId)), intake.wait * 1_000);
  if (!rows) return null;
  const errors = new Map<string, Map<string, ItemError>>();
  const outcomes: Outcome[] = [];
  for (const [i, placement] of placements.entries()) {
    const item = items[i]?.item;
    const verdicts = rows.get(placement.chunkId)?.verdicts ?? [];
    const id = item ? itemId(item) : '';
    const placed = verdicts[placement.position];
    const verdict = placed?.i === id ? placed : verdicts.find((v) => v.i === id);
    if (!verdict) return null;
    let error: ItemError | null = null;
    if (verdict.v === 'r') {
      const known =
        errors.get(placement.chunkId) ?? (await fromPostgres(rejectionsOfJob(deps.pool, request.grant.workspaceId, placement.chunkId)));
      errors.set(placement.chunkId, known);
      error = known.get(id) ?? { field: '', code: 'rejected', message: 'The item was rejected; its record has been removed since.' };
    }
    outcomes.push({ verdict, action: VERDICTS[verdict.v], error });
  }
  return outcomes;
}

/** Membership outcomes of a verdict. */
export function membershipsOf(verdict: Verdict): { list_id: string; outcome: string }[] {
  return Object.entries(verdict.m ?? {}).map(([list_id, outcome]) => ({ list_id, outcome }));
}

export type Named = { email?: string | undefined; external_id?: string | undefined };

/** The `operations` of an answer: one entry per accepted item, in order. `names` says how the caller named the contact. */
export function operationsOf(
  outcomes: readonly Outcome[],
  items: readonly RoutedItem[],
  names: readonly Named[],
): Record<string, unknown>[] {
  return outcomes.map(({ verdict, action, error }, i) => ({
    index: items[i]?.item.index ?? i,
    email: names[i]?.email ?? null,
    ...(names[i]?.external_id === undefined ? {} : { external_id: names[i]?.external_id }),
    action,
    contact_id: verdict.id ?? null,
    ...(verdict.m ? { memberships: membershipsOf(verdict) } : {}),
    ...(error ? { error } : {}),
  }));
}

/** Splits the bytes of a body over its items, for packing chunks; a body that is larger than a chunk is weighed item by item. */
export function weigher(bodyBytes: number, count: number, largest: number, weigh: (item: unknown) => number): (item: unknown) => number {
  const share = Math.ceil(bodyBytes / Math.max(1, count)) + 128;
  return bodyBytes <= largest ? () => share : (item) => weigh(item) + 128;
}

export type BatchResult = { items: RoutedItem[]; names: Named[]; rejected: Issue[]; warnings: Issue[] };

/** The answer of a batch call. */
export async function answerBatch(deps: ApiDeps, request: ApiRequest, intake: Intake, batch: BatchResult) {
  const placements = await enqueue(deps, request, intake, batch.items);
  if (batch.rejected.length > 0) deps.metrics.refused.inc({ route: request.route }, new Set(batch.rejected.map((r) => r.index)).size);
  const body = { accepted: batch.items.length, rejected: batch.rejected, job_ids: jobIdsOf(placements), warnings: batch.warnings };
  const outcomes = await awaitOutcomes(deps, request, intake, batch.items, placements);
  if (!outcomes) return { status: 202, body };
  return { status: 200, body: { ...body, operations: operationsOf(outcomes, batch.items, batch.names) } };
}
