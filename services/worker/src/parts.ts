/**
 * A chunk is applied in parts: all of it at once, or, when poison has to be isolated, range by range. What the parts did adds up to
 * what the chunk did.
 */
import type { Client, Verdict } from '@muster/postgres';
import { itemId } from '@muster/queues';
import type { Deps } from './deps.ts';
import { applyIsolated, type Mode } from './poison.ts';
import { type Refusal, refusals } from './refusals.ts';

/** What one range of a chunk did: lists that add up, and how many of the ids taken beforehand it used. */
export type Part<Item> = { verdicts: Verdict[]; refused: { item: Item; refusal: Refusal }[]; usedIds: number };

/**
 * Applies a chunk in the given mode and returns the sum of its parts. `apply` does the items from `from` to `to` with the ids that
 * are still free; it must keep nothing in memory over its end, because a range may be rolled back.
 */
export async function applyParts<Item extends { root: string; index: number }, P extends Part<Item>>(
  deps: Deps,
  client: Client,
  chunk: { chunkId: string; mode: Mode; items: readonly Item[]; freeIds: readonly number[] },
  whole: P,
  apply: (from: number, to: number, freeIds: readonly number[]) => Promise<P>,
): Promise<P> {
  const applyRange = async (from: number, to: number) => add(whole, await apply(from, to, chunk.freeIds.slice(whole.usedIds)));
  if (chunk.mode === 'set') {
    await applyRange(0, chunk.items.length);
    return whole;
  }
  await applyIsolated(deps, client, chunk.chunkId, chunk.items.length, chunk.mode, {
    apply: applyRange,
    refuse: (position, culprit) => {
      const item = chunk.items[position];
      if (!item) return;
      whole.verdicts.push({ v: 'r', i: itemId(item) });
      whole.refused.push({ item, refusal: culprit ? refusals.crashedWorker : refusals.refusedByStore });
    },
  });
  return whole;
}

/** Adds a part to the whole: every list grows, `usedIds` sums up. */
function add<P extends { usedIds: number }>(whole: P, part: P): void {
  for (const [key, list] of Object.entries(whole)) {
    const more: unknown = part[key as keyof P];
    if (Array.isArray(list) && Array.isArray(more)) for (const entry of more) list.push(entry);
  }
  whole.usedIds += part.usedIds;
}
