/**
 * A timeline job: claims → verdicts (one transaction) → ClickHouse, both orders → touched → events stored → complete. A crash
 * anywhere repeats the job from the top; claims know their owner, verdicts are replayed, rows are the same rows.
 */

import { markEventsStored, recordRejections, rejectStored } from '@muster/postgres';
import { announceDone, claimIds, itemId, releaseClaims, type TimelineChunk, timelineChunkSchema } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import type { ChunkHandler } from '../chunk-runner.ts';
import { deliver } from '../delivery/deliver.ts';
import { touchLate } from '../delivery/rows.ts';
import type { Deps } from '../deps.ts';
import type { Mode } from '../poison.ts';
import { countItems } from '../profile/handler.ts';
import { refusals } from '../refusals.ts';
import { rejectWholeChunk } from '../reject-chunk.ts';
import { toRejection } from '../rejection.ts';
import { judgeTimelineChunk } from './apply.ts';
import { deliverableEvents } from './rows.ts';

type PositionedClaim = { position: number; id: string; owner: string };

export function timelineHandler(deps: Deps): ChunkHandler {
  return {
    source: 'timeline',
    apply: async ({ chunkId, data, mode }) => {
      const parsed = timelineChunkSchema.safeParse(data);
      if (!parsed.success) return rejectWholeChunk(deps, { source: 'timeline', chunkId, data, reason: 'invalid_payload' });
      await applyTimelineChunk(deps, chunkId, parsed.data, mode);
    },
    rejectAll: ({ chunkId, data, reason }) => rejectWholeChunk(deps, { source: 'timeline', chunkId, data, reason }),
  };
}

async function applyTimelineChunk(deps: Deps, chunkId: string, chunk: TimelineChunk, mode: Mode): Promise<void> {
  const claims = claimsOf(chunk, chunkId);
  const own = await claimIds(deps.redis, chunk.ws, claims, deps.config.MUSTER_DEDUPE_IDS, await redisMicros(deps.redis));
  const duplicates = new Set(claims.filter((_, n) => own[n] === false).map((c) => c.position));
  await deps.failpoints('timeline.after_claims');
  const ledger = await judgeTimelineChunk(deps, chunk, {
    chunkId,
    duplicates,
    owners: new Map(claims.map((c) => [c.position, c.owner])),
    mode,
  });
  await deps.failpoints('timeline.after_commit');
  if (ledger.delivered) return;
  const { rows, touched } = deliverableEvents(chunk, ledger.verdicts);
  const timeline = rows.map((r) => r.row);
  const delivery =
    ledger.outbox === null
      ? Promise.resolve()
      : deliver(deps, [
          {
            ...{ chunkId, workspaceId: chunk.ws, acceptedAt: chunk.acc, replyTo: chunk.reply ?? null },
            ...{ outbox: ledger.outbox, written: ledger.written },
          },
        ]);
  const [refused] = await Promise.all([deps.writer.write({ timeline }), delivery]);
  await deps.failpoints('timeline.after_clickhouse');
  const bad = rows.filter((r) => refused.has(r.row)).map((r) => r.position);
  if (bad.length > 0) await rejectPositions(deps, chunkId, chunk, claims, bad);
  touchLate(new Map([[chunk.ws, touched]]), timeline);
  await deps.touch(chunk.ws, touched);
  await deps.failpoints('timeline.after_touched');
  await markEventsStored(deps.pool, [chunkId]);
  await announceDone(deps.redis, [{ chunkId, replyTo: chunk.reply ?? null }]);
  countItems(deps, 'timeline', ledger.verdicts);
  deps.metrics.storedSeconds.observe({ source: 'timeline' }, Math.max(0, Date.now() - chunk.acc / 1_000) / 1_000);
}

/** Claims of a chunk: the producer's id, or the item's identity when its request had an Idempotency-Key. */
function claimsOf(chunk: TimelineChunk, chunkId: string): PositionedClaim[] {
  const claims: PositionedClaim[] = [];
  chunk.items.forEach((item, position) => {
    const id = item.event.id !== undefined ? `id:${item.event.id}` : item.idem ? `idem:${itemId(item)}` : null;
    if (id !== null) claims.push({ position, id, owner: `${chunkId}:${position}` });
  });
  return claims;
}

/** Items whose row ClickHouse refused: stored becomes rejected, and their ids are free for a corrected copy. */
async function rejectPositions(
  deps: Deps,
  chunkId: string,
  chunk: TimelineChunk,
  claims: readonly PositionedClaim[],
  positions: readonly number[],
): Promise<void> {
  const items = positions.flatMap((p) => chunk.items[p] ?? []);
  await rejectStored(deps.pool, chunkId, items.map(itemId));
  await recordRejections(
    deps.pool,
    chunk.ws,
    items.map((item) =>
      toRejection(deps.config.MUSTER_HASH_KEY, refusals.refusedByStore, {
        itemId: itemId(item),
        jobId: chunkId,
        source: 'timeline',
        payload: item.event,
        email: item.event.email,
        externalId: item.event.external_id,
        acceptedAt: chunk.acc,
      }),
    ),
  );
  await releaseClaims(
    deps.redis,
    chunk.ws,
    claims.filter((c) => positions.includes(c.position)),
  );
}
