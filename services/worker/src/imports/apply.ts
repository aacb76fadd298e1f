/**
 * The second pass: chunk after chunk through the lanes.
 *
 *   begin (noted in Postgres; refused once paused or cancelled) → parts into lanes, at most one part of the import in each
 *   → verdicts in the ledger → count (once)
 *
 * Several chunks are under way at a time, so that a lane that is done with its part of one goes on with the next. A run that starts in
 * the middle repeats the chunks that were begun and not counted; the ledger says which of their parts were applied.
 */
import {
  beginChunk,
  type ChunkResult,
  countChunk,
  countedChunks,
  endImport,
  ledgerVerdicts,
  recordImportRejects,
  rejectionsOfJob,
  undelivered,
  type Verdict,
} from '@muster/postgres';
import { addDerivedChunks } from '@muster/queues';
import { sleep } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { MadeWay } from './failure.ts';
import type { Lease } from './lease.ts';
import { type ImportTarget, type Part, partsOf } from './parts.ts';
import { type FileOfRows, rejectsOf, resultOf } from './results.ts';
import type { ScannedChunk, ScratchReader } from './scratch.ts';

/** Chunks under way. */
const WINDOW = 4;
const POLL_MS = 8;
/** A part that is not in the ledger after so long is added again: should Redis have lost it, nobody else would. */
const ADD_AGAIN_MS = 10_000;

/** Ledger rows that ClickHouse has yet to get, above which nothing new is begun: its absence must not fill Postgres with a file. */
const MAX_UNDELIVERED = 1_000;
const LOOK_MS = 500;

type Begun = { n: number; chunk: ScannedChunk; parts: Part[]; left: number; verdicts: Map<string, Verdict[]> };
type Waiting = { part: Part; of: Begun; addedAt: number };

export type ApplyInput = {
  target: ImportTarget;
  file: FileOfRows;
  chunks: number;
  begun: number;
  scratch: ScratchReader;
  lease: Lease;
};

/**
 * Applies until every chunk is counted, or, when the import is stopped, every begun one.
 *
 * @throws MadeWay when it has to make way: every begun chunk is counted, others are not
 */
export async function applyChunks(deps: Deps, input: ApplyInput): Promise<void> {
  const { target, lease } = input;
  const counted = await countedChunks(deps.pool, target.importId);
  const underWay = new Set<Begun>();
  const lanes = new Map<number, Waiting[]>();
  let next = 0;
  let open = true;
  const roomBehind = createRoomCheck(deps);

  for (;;) {
    lease.requireHeld();
    open &&= lease.running && !lease.makesWay;
    while (underWay.size < WINDOW && next < input.chunks && (open || next < input.begun) && (await roomBehind())) {
      if (counted.has(next)) {
        next += 1;
        continue;
      }
      const begun = await begin(deps, input, next);
      if (!begun) {
        open = false;
        break;
      }
      next += 1;
      underWay.add(begun);
      for (const part of begun.parts) lanes.set(part.lane, [...(lanes.get(part.lane) ?? []), { part, of: begun, addedAt: 0 }]);
    }
    await add(deps, lanes);
    const finished = await poll(deps, lanes, underWay);
    for (const begun of finished) {
      underWay.delete(begun);
      await count(deps, input, begun);
    }
    if (underWay.size === 0 && (next >= input.chunks || (!open && next >= input.begun))) break;
    if (finished.length === 0) await sleep(POLL_MS);
  }
  if (!(await endImport(deps.pool, target.importId)) && lease.running) throw new MadeWay();
}

/** Whether ClickHouse keeps up, looked at every now and then. */
function createRoomCheck(deps: Deps): () => Promise<boolean> {
  let room = true;
  let lookedAt = 0;
  return async () => {
    if (Date.now() - lookedAt < LOOK_MS) return room;
    room = (await undelivered(deps.pool)).rows < MAX_UNDELIVERED;
    lookedAt = Date.now();
    return room;
  };
}

/** Reads a chunk and notes that it is begun; null when the import was stopped. A chunk that cannot be read is not begun. */
async function begin(deps: Deps, { target, scratch, lease, begun: before }: ApplyInput, n: number): Promise<Begun | null> {
  const chunk = await scratch.chunk(n);
  const parts = await partsOf(deps, target, n, chunk);
  if (n >= before && !(await beginChunk(deps.pool, target.importId, lease.holder, n))) return null;
  return { n, chunk, parts, left: parts.length, verdicts: new Map() };
}

/** Adds the first part of each lane that has none of the import. */
async function add(deps: Deps, lanes: Map<number, Waiting[]>): Promise<void> {
  const now = Date.now();
  const due = [...lanes.values()].flatMap(([first]) => (first && now - first.addedAt > ADD_AGAIN_MS ? [first] : []));
  if (due.length === 0) return;
  await addDerivedChunks(
    deps.flow,
    deps.redis,
    due.map(({ part }) => part.job),
  );
  for (const waiting of due) waiting.addedAt = now;
  await deps.failpoints('imports.chunk_added');
}

/** Looks for the parts in the ledger; returns the chunks of which all are there. */
async function poll(deps: Deps, lanes: Map<number, Waiting[]>, underWay: ReadonlySet<Begun>): Promise<Begun[]> {
  const heads = [...lanes.values()].flatMap(([first]) => first ?? []);
  const found = await ledgerVerdicts(
    deps.pool,
    heads.map(({ part }) => part.id),
  );
  for (const { part, of } of heads) {
    const verdicts = found.get(part.id);
    if (!verdicts) continue;
    lanes.get(part.lane)?.shift();
    of.verdicts.set(part.id, verdicts);
    of.left -= 1;
  }
  return [...underWay].filter((begun) => begun.left === 0);
}

async function count(deps: Deps, { target, file, lease }: ApplyInput, { n, chunk, verdicts }: Begun): Promise<void> {
  const reasons = new Map<string, { field: string; code: string; message: string }>();
  for (const [id, all] of verdicts)
    if (all.some((v) => v.v === 'r'))
      for (const [item, why] of await rejectionsOfJob(deps.pool, target.workspaceId, id)) reasons.set(item, why);
  const { result, refused } = resultOf(chunk, [...verdicts.values()].flat(), reasons);
  const rejects = await rejectsOf(deps, file, chunk, refused);
  const counted = await countChunk(deps.pool, target.importId, n, result, (client) => recordImportRejects(client, target, rejects));
  lease.counted(chunk.records);
  if (counted) observe(deps, result);
  await deps.failpoints('imports.chunk_counted');
}

function observe(deps: Deps, { memberships: _, ...outcomes }: ChunkResult): void {
  for (const [outcome, records] of Object.entries(outcomes)) deps.metrics.importRecords.inc({ outcome }, records);
}
