/**
 * A chunk's winners as jobs for lanes. Which items are in which job, and the jobs' ids, are a function of the import and the chunk: a
 * run that repeats a chunk adds the same jobs, and the ledger knows them.
 */
import { type DerivedChunk, followUpId, MAX_CHUNK_BYTES, routedUpsert, routeUpserts, type UpsertItem } from '@muster/queues';
import type { Deps } from '../deps.ts';
import type { ScannedChunk, ScannedRow } from './scratch.ts';

/** Items that an import has in a lane at a time: a live upsert waits behind no more. */
const PART_ITEMS = 500;
/** Around the patch: identity, lists. */
const ITEM_OVERHEAD = 160;

export type ImportTarget = { importId: string; workspaceId: number; acceptedAt: number; listIds: readonly string[] };
/** A job of one lane. */
export type Part = { id: string; lane: number; job: DerivedChunk; items: number };

/** Upserts in the lanes of their addresses; records the lanes of their external ids. */
export async function partsOf(deps: Deps, target: ImportTarget, n: number, chunk: ScannedChunk): Promise<Part[]> {
  const items = chunk.winners.map((row) => itemOf(deps, target, row));
  const routed = await routeUpserts(deps.redis, target.workspaceId, items);
  const parts: (Part & { bytes: number })[] = [];
  const open = new Map<number, Part & { bytes: number }>();
  for (const { queue, item, bytes } of routed) {
    if (queue.kind !== 'profile') continue;
    let part = open.get(queue.lane);
    if (!part || part.items >= PART_ITEMS || part.bytes + bytes > MAX_CHUNK_BYTES) {
      const id = followUpId(`import|${target.importId}|${n}`, queue, parts.length);
      const job = { id, queue, workspaceId: target.workspaceId, since: target.acceptedAt, items: [] };
      part = { id, lane: queue.lane, job, items: 0, bytes: 0 };
      open.set(queue.lane, part);
      parts.push(part);
    }
    part.job.items.push(item);
    part.items += 1;
    part.bytes += bytes;
  }
  return parts;
}

function itemOf(deps: Deps, target: ImportTarget, row: ScannedRow) {
  const id = { root: target.importId, index: row.record };
  const options = { listIds: target.listIds, confirmed: false, identifyBy: 'email' } as const;
  return routedUpsert(target.workspaceId, deps.config.MUSTER_LANES, id, row.patch, options, row.bytes + ITEM_OVERHEAD);
}

/** The items of a chunk without the lanes. */
export function itemsOf(target: ImportTarget, chunk: ScannedChunk): UpsertItem[] {
  const lists = target.listIds.length > 0 ? { list_ids: [...target.listIds] } : {};
  return chunk.winners.map((row) => ({ root: target.importId, index: row.record, op: 'upsert', patch: row.patch, ...lists }));
}
