import type { Verdict } from '@muster/postgres';
import { claimIds, itemId, profileChunkSchema } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import type { ChunkHandler } from '../chunk-runner.ts';
import { settleOwed, takeUpDelivery } from '../delivery/owed.ts';
import type { Deps } from '../deps.ts';
import { rejectWholeChunk } from '../reject-chunk.ts';
import { applyProfileChunk } from './apply.ts';

/** Handler of one profile lane. */
export function profileHandler(deps: Deps, lane: number): ChunkHandler {
  return {
    source: 'profile',
    apply: async ({ chunkId, data, mode }) => {
      const parsed = profileChunkSchema.safeParse(data);
      if (!parsed.success) return rejectWholeChunk(deps, { source: 'profile', chunkId, data, reason: 'invalid_payload' });
      const chunk = parsed.data;
      const duplicates = await repeatedItems(deps, chunkId, chunk);
      const applied = await applyProfileChunk(deps, chunk, { chunkId, lane, duplicates, mode });
      await deps.failpoints('profile.after_commit');
      if (!applied) return takeUpDelivery(deps, chunkId);
      await settleOwed(deps, applied.owed, { chunkId, replyTo: chunk.reply ?? null });
      countItems(deps, 'profile', applied.verdicts);
      if (applied.setExternalIds.length > 0) deps.deliverParked(chunk.ws, applied.setExternalIds);
    },
    rejectAll: ({ chunkId, data, reason }) => rejectWholeChunk(deps, { source: 'profile', chunkId, data, reason }),
  };
}

/** Positions of items whose Idempotency-Key was seen before: their request had been accepted although its answer was lost. */
export async function repeatedItems(
  deps: Deps,
  chunkId: string,
  chunk: { ws: number; items: readonly { root: string; index: number; idem?: boolean | undefined }[] },
): Promise<Set<number>> {
  const claims: { position: number; id: string; owner: string }[] = [];
  chunk.items.forEach((item, position) => {
    if (item.idem) claims.push({ position, id: `idem:${itemId(item)}`, owner: `${chunkId}:${position}` });
  });
  if (claims.length === 0) return new Set();
  const own = await claimIds(deps.redis, chunk.ws, claims, deps.config.MUSTER_DEDUPE_IDS, await redisMicros(deps.redis));
  return new Set(claims.filter((_, i) => own[i] === false).map((c) => c.position));
}

export function countItems(deps: Deps, source: string, verdicts: readonly Verdict[]): void {
  const counts = new Map<string, number>();
  for (const { v } of verdicts) counts.set(v, (counts.get(v) ?? 0) + 1);
  for (const [verdict, n] of counts) deps.metrics.items.inc({ source, verdict }, n);
}
