/**
 * An import that only says what it would do: the same merge, chunk by chunk, in transactions that are rolled back. Each chunk meets the
 * contacts as they are, so what an earlier chunk would have changed (an external_id that it would have taken) is not seen by it.
 */
import { beginChunk, countChunk, countedChunks, endImport, enterErasureGate, inTransaction, recordImportRejects } from '@muster/postgres';
import { itemId } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { loadBatch, mostNewContacts } from '../profile/apply.ts';
import type { ApplyInput } from './apply.ts';
import { MadeWay } from './failure.ts';
import { itemsOf } from './parts.ts';
import { type Refused, rejectsOf, resultOf } from './results.ts';
import type { ScannedChunk } from './scratch.ts';

/** Ends the transaction of a merge whose outcome is known. */
class RolledBack extends Error {
  override readonly name = 'RolledBack';
}

export async function rehearseChunks(deps: Deps, input: ApplyInput): Promise<void> {
  const { target, file, lease } = input;
  const counted = await countedChunks(deps.pool, target.importId);
  for (let n = 0; n < input.chunks; n += 1) {
    if (counted.has(n)) continue;
    lease.requireHeld();
    if (n >= input.begun && lease.makesWay) throw new MadeWay();
    if (n >= input.begun && !(await beginChunk(deps.pool, target.importId, lease.holder, n))) break;
    const chunk = await input.scratch.chunk(n);
    const { result, refused } = await rehearse(deps, input, chunk);
    const rejects = await rejectsOf(deps, file, chunk, refused);
    await countChunk(deps.pool, target.importId, n, result, (client) => recordImportRejects(client, target, rejects));
    lease.counted(chunk.records);
    await deps.failpoints('imports.chunk_counted');
  }
  await endImport(deps.pool, target.importId);
}

async function rehearse(deps: Deps, { target }: ApplyInput, chunk: ScannedChunk): Promise<ReturnType<typeof resultOf>> {
  const items = itemsOf(target, chunk);
  if (items.length === 0) return resultOf(chunk, [], new Map());
  const header = { ws: target.workspaceId, acc: await redisMicros(deps.redis), since: target.acceptedAt };
  // Ids that are nobody's, and never will be: nothing of this is stored.
  const freeIds = Array.from({ length: mostNewContacts(items) }, (_, i) => -1 - i);
  let outcome: ReturnType<typeof resultOf> | undefined;
  await inTransaction(deps.pool, async (client) => {
    await enterErasureGate(client, target.workspaceId);
    const batch = await loadBatch(deps, client, header, items, freeIds);
    const verdicts = items.map((item) => batch.apply(item));
    const reasons = new Map<string, Refused>();
    for (const { item, refusal, source } of batch.refused) if (source !== 'membership') reasons.set(itemId(item), refusal);
    outcome = resultOf(chunk, verdicts, reasons);
    throw new RolledBack('nothing is to be stored');
  }).catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  if (!outcome) throw new Error('the rehearsal has no outcome');
  return outcome;
}
