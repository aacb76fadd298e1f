import { customEventChunkSchema } from '@muster/queues';
import type { ChunkHandler } from '../chunk-runner.ts';
import { settleOwed, takeUpDelivery } from '../delivery/owed.ts';
import type { Deps } from '../deps.ts';
import { countItems, repeatedItems } from '../profile/handler.ts';
import { rejectWholeChunk } from '../reject-chunk.ts';
import { applyCustomEventChunk } from './apply.ts';

/** Handler of one custom-event lane. */
export function customEventHandler(deps: Deps, lane: number): ChunkHandler {
  return {
    source: 'custom_event',
    apply: async ({ chunkId, data, mode }) => {
      const parsed = customEventChunkSchema.safeParse(data);
      if (!parsed.success) return rejectWholeChunk(deps, { source: 'custom_event', chunkId, data, reason: 'invalid_payload' });
      const chunk = parsed.data;
      const duplicates = await repeatedItems(deps, chunkId, chunk);
      const applied = await applyCustomEventChunk(deps, chunk, { chunkId, lane, duplicates, mode });
      await deps.failpoints('custom_event.after_commit');
      if (!applied) return takeUpDelivery(deps, chunkId);
      await settleOwed(deps, applied.owed, { chunkId, replyTo: chunk.reply ?? null });
      countItems(deps, 'custom_event', applied.verdicts);
    },
    rejectAll: ({ chunkId, data, reason }) => rejectWholeChunk(deps, { source: 'custom_event', chunkId, data, reason }),
  };
}
