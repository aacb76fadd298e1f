/**
 * Applies a custom-event chunk: one Postgres transaction. Custom events are mutable, so they have lanes of their own, keyed by
 * (event_name, external_id): the last accepted write of a key wins, whole; the head row keeps its contact and version.
 *
 *   lane lock → applied already? → erasure gate → resolve or create contacts → heads → item by item → heads, parked items, ledger
 */
import type { CustomEvent } from '@muster/domain';
import {
  type Client,
  type ContactRow,
  countVerdicts,
  enterErasureGate,
  type HeadRow,
  headKey,
  inTransaction,
  isApplied,
  lockExternalIds,
  lockLane,
  type ParkedItem,
  parkItems,
  readHeads,
  recordRejections,
  type Verdict,
  type VerdictCounts,
  writeHeads,
} from '@muster/postgres';
import { type CustomEventChunk, type CustomEventItem, itemId } from '@muster/queues';
import type { Entry, StoredCustomEvent } from '../delivery/outbox.ts';
import { type Owed, oweDelivery } from '../delivery/owed.ts';
import { isoOfMicros } from '../delivery/rows.ts';
import type { Deps } from '../deps.ts';
import { writeLedgerRow } from '../ledger-row.ts';
import { applyParts, type Part } from '../parts.ts';
import type { Mode } from '../poison.ts';
import { toRejection } from '../rejection.ts';
import { resolveOrCreate } from '../resolve.ts';
import { readTombstones, type Tombstones } from '../tombstones.ts';

export type CustomEventContext = { chunkId: string; lane: number; duplicates: ReadonlySet<number>; mode: Mode };

type Segment = Part<CustomEventItem> & { entries: Entry[]; created: ContactRow[]; custom: StoredCustomEvent[]; parked: ParkedItem[] };
const emptySegment = (): Segment => ({ verdicts: [], entries: [], created: [], custom: [], parked: [], refused: [], usedIds: 0 });

const ordOf = (item: { index: number }): number => item.index * 64 + 32;

/** Applies the chunk; null when it was applied before. */
export async function applyCustomEventChunk(
  deps: Deps,
  chunk: CustomEventChunk,
  context: CustomEventContext,
): Promise<{ verdicts: Verdict[]; owed: Owed } | null> {
  const emails = new Set(chunk.items.flatMap(({ event }) => (event.email !== undefined ? [event.email] : [])));
  const freeIds = emails.size > 0 ? await deps.contactIds.take(chunk.ws, emails.size) : [];
  const result = await inTransaction(deps.pool, async (client) => {
    await lockLane(client, 'custom_event', context.lane);
    if (await isApplied(client, context.chunkId)) return null;
    await enterErasureGate(client, chunk.ws);
    await lockExternalIds(client, chunk.ws, externalIdsOf(chunk.items));
    const whole = await applyParts(deps, client, { ...context, items: chunk.items, freeIds }, emptySegment(), (from, to, ids) =>
      mergeRange(deps, client, chunk, context, from, to, ids),
    );
    await parkItems(client, chunk.ws, whole.parked);
    await recordRejections(
      client,
      chunk.ws,
      whole.refused.map(({ item, refusal }) =>
        toRejection(deps.config.MUSTER_HASH_KEY, refusal, {
          itemId: itemId(item),
          jobId: context.chunkId,
          source: 'custom_event',
          payload: item.event,
          email: item.event.email,
          externalId: item.event.contact_external_id,
          acceptedAt: chunk.acc,
        }),
      ),
    );
    const { outbox, leaseSeconds, owed } = oweDelivery(deps, {
      ...{ chunkId: context.chunkId, workspaceId: chunk.ws, acceptedAt: chunk.acc, replyTo: chunk.reply ?? null },
      outbox: { entries: whole.entries, contacts: whole.created.map((c) => c.contact_id), custom: whole.custom },
      written: { contacts: whole.created, memberships: [] },
    });
    await writeLedgerRow(client, {
      chunkId: context.chunkId,
      workspaceId: chunk.ws,
      source: 'custom_event',
      acceptedAt: chunk.acc,
      items: chunk.internal ? 0 : chunk.items.length,
      counts: balanceOf(chunk, whole.verdicts),
      verdicts: whole.verdicts,
      outbox,
      eventsPending: false,
      leaseSeconds,
      replyTo: chunk.reply ?? null,
      followUps: [],
    });
    await deps.failpoints('custom_event.before_commit');
    return { verdicts: whole.verdicts, owed, usedIds: whole.usedIds };
  });
  deps.contactIds.giveBack(chunk.ws, freeIds.slice(result?.usedIds ?? 0));
  return result;
}

/** Items that were parked before leave `parked` for what they became; their acceptance was counted when they were parked. */
function balanceOf(chunk: CustomEventChunk, verdicts: readonly Verdict[]): VerdictCounts {
  const counts = countVerdicts(verdicts);
  return chunk.unparked ? { ...counts, parked: counts.parked - verdicts.length } : counts;
}

async function mergeRange(
  deps: Deps,
  client: Client,
  chunk: CustomEventChunk,
  context: CustomEventContext,
  from: number,
  to: number,
  freeIds: readonly number[],
): Promise<Segment> {
  const items = chunk.items.slice(from, to);
  const emails = [...new Set(items.flatMap(({ event }) => (event.email !== undefined ? [event.email] : [])))];
  const tombstones = await readTombstones(client, chunk.ws, deps.config.MUSTER_HASH_KEY, chunk.acc, {
    emails,
    externalIds: externalIdsOf(items),
    contactIds: [],
  });
  const isLive = (item: CustomEventItem, n: number) => !context.duplicates.has(from + n) && !isErased(tombstones, item.event);
  const resolution = await resolveOrCreate(
    client,
    chunk.ws,
    chunk.acc,
    items.filter(isLive).map((item) => ({
      email: item.event.email,
      externalId: item.event.contact_external_id,
      itemId: itemId(item),
      ord: ordOf(item) - 1,
    })),
    freeIds,
  );
  const heads = await readHeads(client, chunk.ws, [...new Set(items.map(({ event }) => headKey(event.event_name, event.external_id)))]);
  const latest = new Map<string, StoredCustomEvent>();
  const parked: ParkedItem[] = [];
  const verdicts: Verdict[] = [];
  for (const [n, item] of items.entries()) {
    const point = deps.failpoints('custom_event.item', item.event.email);
    if (point) await point;
    const i = itemId(item);
    if (context.duplicates.has(from + n)) verdicts.push({ v: 'd', i });
    else if (isErased(tombstones, item.event)) verdicts.push({ v: 'e', i });
    else {
      const contactId = resolution.find({ email: item.event.email, externalId: item.event.contact_external_id });
      if (contactId === null) {
        parked.push(toParked(item, chunk, context.chunkId));
        verdicts.push({ v: 'k', i });
      } else verdicts.push(mergeOne(chunk, item, contactId, heads, latest));
    }
  }
  await writeHeads(
    client,
    chunk.ws,
    [...latest.keys()].flatMap((key) => heads.get(key) ?? []),
  );
  return {
    verdicts,
    entries: resolution.entries,
    created: resolution.created,
    custom: [...latest.values()],
    parked,
    refused: [],
    usedIds: resolution.usedIds,
  };
}

/**
 * Last accepted write wins. The lane's order is the order of acceptance; only an event that was parked comes late, and changes nothing
 * when its key was written meanwhile. (Times alone do not decide: the clock that stamps acceptance may step back.)
 */
function mergeOne(
  chunk: CustomEventChunk,
  item: CustomEventItem,
  contactId: number,
  heads: Map<string, HeadRow>,
  latest: Map<string, StoredCustomEvent>,
): Verdict {
  const { event } = item;
  const key = headKey(event.event_name, event.external_id);
  const head = heads.get(key);
  if (chunk.unparked && head && isNewer(head, chunk.acc, ordOf(item))) return { v: 'n', id: head.contact_id, i: itemId(item) };
  const occurredAt = event.occurred_at ?? head?.occurred_at ?? isoOfMicros(chunk.acc);
  // An erasure removes heads before it has purged ClickHouse: without one, the version must still pass that of every earlier row.
  const version = Math.max((head?.version ?? 0) + 1, chunk.unparked ? Date.now() * 1_000 : chunk.acc);
  const left = new Set(latest.get(key)?.from);
  if (head && head.contact_id !== contactId) left.add(head.contact_id);
  left.delete(contactId);
  heads.set(key, { key_hash: key, contact_id: contactId, version, occurred_at: occurredAt, accepted_at: chunk.acc, ord: ordOf(item) });
  latest.set(key, {
    e: event,
    c: contactId,
    t: occurredAt,
    acc: chunk.acc,
    o: ordOf(item),
    v: version,
    ...(left.size > 0 ? { from: [...left] } : {}),
  });
  return { v: head ? 'u' : 'c', id: contactId, i: itemId(item) };
}

/** Whether the head was written by an item that was accepted after this one. */
function isNewer(head: HeadRow, acceptedAt: number, ord: number): boolean {
  return head.accepted_at > acceptedAt || (head.accepted_at === acceptedAt && head.ord > ord);
}

function isErased(tombstones: Tombstones, event: CustomEvent): boolean {
  return event.email !== undefined
    ? tombstones.isErased('email', event.email)
    : tombstones.isErased('external_id', event.contact_external_id ?? '');
}

/** Ids that decide whose event it is; with an address the id does not matter. */
function externalIdsOf(items: readonly CustomEventItem[]): string[] {
  return [
    ...new Set(items.flatMap(({ event }) => (event.email === undefined && event.contact_external_id ? [event.contact_external_id] : []))),
  ];
}

function toParked(item: CustomEventItem, chunk: CustomEventChunk, chunkId: string): ParkedItem {
  return {
    item_id: itemId(item),
    external_id: item.event.contact_external_id ?? '',
    kind: 'custom_event',
    job_id: chunkId,
    payload: JSON.stringify(item.event),
    accepted_at: chunk.acc,
    ord: ordOf(item),
    claim: null,
  };
}
