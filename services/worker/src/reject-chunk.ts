/** Ends a chunk none of whose items can be applied: unreadable, or older than the ledger remembers. Its items are kept as rejections. */
import { countVerdicts, insertLedger, inTransaction, type LedgerSource, recordRejections, type Verdict } from '@muster/postgres';
import { z } from 'zod';
import type { Deps } from './deps.ts';
import { refusals } from './refusals.ts';
import { type Subject, toRejection } from './rejection.ts';

const readable = z.looseObject({
  ws: z.number().int(),
  acc: z.number().int().catch(0),
  items: z.array(z.unknown()).catch([]),
  internal: z.boolean().catch(false),
  unparked: z.boolean().catch(false),
});
const identity = z.looseObject({ root: z.string(), index: z.number().int() });
const text = z.string().optional().catch(undefined);
const named = z.looseObject({ email: text, external_id: text, contact_external_id: text });
const subject = z.looseObject({ patch: named.optional().catch(undefined), event: named.optional().catch(undefined), email: text });

export async function rejectWholeChunk(
  deps: Deps,
  job: { source: LedgerSource; chunkId: string; data: unknown; reason: 'invalid_payload' | 'expired_job' },
): Promise<void> {
  const chunk = readable.safeParse(job.data);
  if (!chunk.success) {
    // Without a workspace there is nobody to list it for; the alert on this message is all that is left.
    deps.log.error({ job: job.chunkId }, 'a job names no workspace and was set aside');
    return;
  }
  const { ws, acc, items, internal, unparked } = chunk.data;
  const refusal = job.reason === 'expired_job' ? refusals.expiredJob : refusals.invalidPayload;
  const ids = items.map((item, position) => {
    const parsed = identity.safeParse(item);
    return parsed.success ? `${parsed.data.root}:${parsed.data.index}` : `${job.chunkId}:${position}`;
  });
  const verdicts: Verdict[] = ids.map((i) => ({ v: 'r', i }));
  // Items of follow-up work were counted where they were accepted; only parked ones are still open there.
  const counts = countVerdicts(internal && !unparked ? [] : verdicts);
  await inTransaction(deps.pool, async (client) => {
    const inserted = await insertLedger(client, {
      chunkId: job.chunkId,
      workspaceId: ws,
      source: job.source,
      acceptedAt: acc,
      items: internal ? 0 : items.length,
      counts: unparked ? { ...counts, parked: -items.length } : counts,
      verdicts,
      outbox: null,
      eventsPending: false,
      leaseSeconds: 0,
      replyTo: null,
      followUps: [],
    });
    if (!inserted) return;
    const rows = items.map((payload, n) =>
      toRejection(deps.config.MUSTER_HASH_KEY, refusal, {
        itemId: ids[n] ?? '',
        jobId: job.chunkId,
        source: job.source,
        payload,
        ...subjectOf(payload),
        acceptedAt: acc,
      }),
    );
    await recordRejections(client, ws, rows);
  });
}

/** Whom an item names, as far as it can be read: an erasure of that person takes its rejection along. */
function subjectOf(payload: unknown): Subject {
  const { data } = subject.safeParse(payload);
  const email = data?.patch?.email ?? data?.event?.email ?? data?.email;
  const event = data?.event;
  return { email, externalId: event && 'event_name' in event ? event.contact_external_id : event?.external_id };
}
