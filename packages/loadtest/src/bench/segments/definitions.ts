/** Segments as users make them, through the API, and what readers of members see of them. */
import { type EpochState, epochState, getSegment, listSegments, type SegmentRow } from '@muster/postgres';
import { z } from 'zod';
import type { Bed } from '../bed.ts';
import { BenchError } from '../errors.ts';
import type { Tree } from './trees.ts';

const POLL_MS = 4;
const GIVE_UP_MS = 180_000;

export type NamedTree = { readonly id: string; readonly tree: Tree };

/** In this order, so a tree may refer to one before it. */
export async function createSegments(bed: Bed, trees: readonly NamedTree[]): Promise<void> {
  for (const { id, tree } of trees) await call(bed, 'segments.create', { id, name: id, timezone: 'UTC', tree });
}

/** Deletes every segment and waits until their members have left: nothing of them is left to be worked off. */
export async function removeSegments(bed: Bed): Promise<void> {
  const rows = await listSegments(bed.pool, bed.workspaceId);
  // The newest first: an older one may be in use by them.
  for (const { segment_id } of rows.sort((a, b) => b.segment_uid - a.segment_uid)) await call(bed, 'segments.delete', { id: segment_id });
  const deadline = Date.now() + GIVE_UP_MS;
  for (;;) {
    const { rowCount } = await bed.pool.query('SELECT FROM segments WHERE workspace_id = $1 AND emptied_at IS NULL', [bed.workspaceId]);
    if (rowCount === 0) return;
    if (Date.now() > deadline) throw new BenchError(`Deleted segments were not empty within ${GIVE_UP_MS / 1_000} s. See ${logOf(bed)}.`);
    await bed.pause(POLL_MS);
  }
}

export async function stateOf(bed: Bed, id: string): Promise<SegmentRow> {
  const row = await getSegment(bed.pool, bed.workspaceId, id);
  if (row === null) throw new BenchError(`There is no segment ${id}.`);
  if (row.status === 'failed') throw new BenchError(`The segment ${id} failed: ${row.error}.`);
  return row;
}

/** Asks for a segment to be computed anew. */
export async function requestBuild(bed: Bed, id: string): Promise<void> {
  await call(bed, 'segments.rebuild', { id });
}

const previewAnswer = z.object({ total_count: z.number().int(), took_ms: z.number() });

/** Seconds that a preview takes; one that takes longer than it may counts for as long as it was tried. */
export async function previewSeconds(bed: Bed, tree: Tree): Promise<number> {
  const startedAt = performance.now();
  try {
    const { took_ms } = previewAnswer.parse(await call(bed, 'segments.preview', { tree, timezone: 'UTC', limit: 1 }));
    // The API says whole milliseconds.
    return Math.max(1, took_ms) / 1_000;
  } catch (error) {
    if (!(error instanceof BenchError) || !error.message.includes('"segment_too_heavy"')) throw error;
    const seconds = (performance.now() - startedAt) / 1_000;
    bed.output.line(`  a preview was given up after ${seconds.toFixed(1)} s, the most that one may take`);
    return seconds;
  }
}

/** @throws BenchError with the answer when it is not yes */
async function call(bed: Bed, operation: string, body: object): Promise<unknown> {
  const response = await fetch(`${bed.stack.apiUrl}/api/${operation}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bed.stack.devKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: bed.signal,
  });
  const text = await response.text();
  if (!response.ok) throw new BenchError(`${operation} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Resolves when a segment is as wanted. @throws BenchError when it fails, or never is */
export async function untilState(bed: Bed, id: string, what: string, isReached: (row: SegmentRow) => boolean): Promise<SegmentRow> {
  const deadline = Date.now() + GIVE_UP_MS;
  for (;;) {
    const row = await stateOf(bed, id);
    if (isReached(row)) return row;
    if (Date.now() > deadline) throw new BenchError(`${id} was not ${what} within ${GIVE_UP_MS / 1_000} s. See ${logOf(bed)}.`);
    await bed.pause(POLL_MS);
  }
}

/** Resolves when readers see a set that is newer than `before`. */
export function untilBuilt(bed: Bed, id: string, before: number | null): Promise<SegmentRow> {
  return untilState(bed, id, 'built', (row) => row.status === 'active' && row.build_reason === null && row.base_epoch !== before);
}

/** Resolves when every one of them is shown, and the joins and leaves of its set are in the log. */
export async function untilShown(bed: Bed, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await untilBuilt(bed, id, null);
    await untilState(bed, id, 'logged', (row) => !row.unlogged);
  }
}

export const epochs = (bed: Bed): Promise<EpochState> => epochState(bed.pool, bed.workspaceId);

const logOf = (bed: Bed): string => bed.stack.service('segmenter').log;
