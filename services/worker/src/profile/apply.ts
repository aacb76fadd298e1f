/**
 * Applies a profile chunk: one Postgres transaction.
 *
 *   lane lock → applied already? → erasure gate → locks of the external ids named → read and lock the rows → merge item by item
 *   in memory → set-based writes → ledger row with verdicts and outbox → commit
 *
 * Applying a chunk twice, or by two workers at once, equals applying it once: the ledger row is written in the same transaction,
 * under the lane's lock.
 */
import {
  type Client,
  type ContactRow,
  countVerdicts,
  enterErasureGate,
  insertContacts,
  inTransaction,
  isApplied,
  listLists,
  lockContacts,
  lockExternalIds,
  lockLane,
  type MembershipRow,
  type NewRejection,
  parkedAmong,
  readMemberships,
  recordRejections,
  releaseKeys,
  updateContacts,
  type Verdict,
  writeMemberships,
} from '@muster/postgres';
import { itemId, type ProfileChunk, type ProfileItem } from '@muster/queues';
import type { Entry, Outbox } from '../delivery/outbox.ts';
import { type Owed, oweDelivery } from '../delivery/owed.ts';
import type { Deps } from '../deps.ts';
import { KeyRaceError } from '../errors.ts';
import { writeLedgerRow } from '../ledger-row.ts';
import { applyParts, type Part } from '../parts.ts';
import { toRejection } from '../rejection.ts';
import { readTombstones } from '../tombstones.ts';
import { ProfileBatch, type RefusedItem } from './batch.ts';

export type ChunkContext = {
  chunkId: string;
  lane: number;
  /** Item positions that were claimed by an earlier request with the same Idempotency-Key. */
  duplicates: ReadonlySet<number>;
  mode: 'set' | 'isolated' | 'walk';
};
export type Applied = {
  verdicts: Verdict[];
  /** External ids newly set that parked items wait for. */
  setExternalIds: string[];
  owed: Owed;
};

type Segment = Omit<Part<ProfileItem>, 'refused'> & {
  entries: Entry[];
  contacts: ContactRow[];
  memberships: MembershipRow[];
  refused: RefusedItem[];
  externalIds: string[];
};
const emptySegment = (): Segment => ({
  verdicts: [],
  entries: [],
  contacts: [],
  memberships: [],
  refused: [],
  externalIds: [],
  usedIds: 0,
});

/** Applies the chunk and returns its verdicts, or null when it was applied before. */
export async function applyProfileChunk(deps: Deps, chunk: ProfileChunk, context: ChunkContext): Promise<Applied | null> {
  const wanted = mostNewContacts(chunk.items);
  const freeIds = wanted > 0 ? await deps.contactIds.take(chunk.ws, wanted) : [];
  const result = await inTransaction(deps.pool, async (client) => {
    await lockLane(client, 'profile', context.lane);
    if (await isApplied(client, context.chunkId)) return null;
    await enterErasureGate(client, chunk.ws);
    await lockExternalIds(client, chunk.ws, externalIdsOf(chunk.items));
    const whole = await applyParts(deps, client, { ...context, items: chunk.items, freeIds }, emptySegment(), (from, to, ids) =>
      mergeRange(deps, client, chunk, context, from, to, ids),
    );
    const { outbox, leaseSeconds, owed } = oweDelivery(deps, {
      ...{ chunkId: context.chunkId, workspaceId: chunk.ws, acceptedAt: chunk.acc, replyTo: chunk.reply ?? null },
      ...{ outbox: outboxOf(whole), written: { contacts: whole.contacts, memberships: whole.memberships } },
    });
    await recordRejections(client, chunk.ws, rejectionsOf(deps, chunk, context, whole.refused));
    await writeLedgerRow(client, {
      chunkId: context.chunkId,
      workspaceId: chunk.ws,
      source: 'profile',
      acceptedAt: chunk.acc,
      items: chunk.internal ? 0 : chunk.items.length,
      counts: countVerdicts(chunk.internal ? [] : whole.verdicts),
      verdicts: whole.verdicts,
      outbox,
      eventsPending: false,
      leaseSeconds,
      replyTo: chunk.reply ?? null,
      followUps: [],
    });
    const setExternalIds = await parkedAmong(client, chunk.ws, whole.externalIds);
    await deps.failpoints('profile.before_commit');
    return { verdicts: whole.verdicts, setExternalIds, owed, usedIds: whole.usedIds };
  });
  // Only after a commit is it sure which ids were not written; after an error they are left as a gap.
  deps.contactIds.giveBack(chunk.ws, freeIds.slice(result?.usedIds ?? 0));
  return result;
}

function outboxOf({ entries, contacts, memberships }: Segment): Outbox {
  return {
    entries,
    contacts: [...new Set(contacts.map((c) => c.contact_id))],
    lists: memberships.map((m) => [m.contact_id, m.list_id]),
  };
}

/**
 * Ids a chunk can need. In the end every contact it created has an address that an item gave it, so the addresses given bound them;
 * those of changed emails count, too: upsert a, change a to b, upsert a makes two contacts.
 */
export function mostNewContacts(items: readonly ProfileItem[]): number {
  if (!items.some((i) => i.op === 'upsert')) return 0;
  return new Set(items.flatMap((i) => (i.op === 'upsert' ? [i.patch.email] : i.op === 'change_email' ? [i.new_email] : []))).size;
}

/** Reads, merges and writes the items from `from` to `to`. Nothing is kept in memory over its end: a rolled-back range leaves no trace. */
async function mergeRange(
  deps: Deps,
  client: Client,
  chunk: ProfileChunk,
  context: ChunkContext,
  from: number,
  to: number,
  freeIds: readonly number[],
): Promise<Segment> {
  const items = chunk.items.slice(from, to);
  const batch = await loadBatch(deps, client, chunk, items, freeIds);
  const verdicts: Verdict[] = [];
  for (const [n, item] of items.entries()) {
    // Awaited only where a test has armed the point: a thousand awaits a chunk are not free.
    const point = deps.failpoints('profile.item', item.op === 'upsert' ? item.patch.email : undefined);
    if (point) await point;
    const verdict: Verdict = context.duplicates.has(from + n) ? { v: 'd', i: itemId(item) } : batch.apply(item);
    // Somebody waits for both databases: the profile that this item left unchanged may still be on its way to the mirror.
    if (verdict.v === 'n' && verdict.id !== undefined && chunk.reply !== undefined) batch.mirrored.add(verdict.id);
    verdicts.push(verdict);
  }
  await write(client, chunk.ws, batch);
  return {
    verdicts,
    entries: batch.entries,
    ...batch.written(),
    refused: batch.refused,
    externalIds: [...batch.newExternalIds],
    usedIds: batch.usedIds.length,
  };
}

/** The items' contacts and memberships, locked, ready to be merged with. Inside the erasure gate. */
export async function loadBatch(
  deps: Deps,
  client: Client,
  chunk: Pick<ProfileChunk, 'ws' | 'acc' | 'since'>,
  items: readonly ProfileItem[],
  freeIds: readonly number[],
): Promise<ProfileBatch> {
  const keys = keysOf(items);
  const tombstones = await readTombstones(client, chunk.ws, deps.config.MUSTER_HASH_KEY, chunk.since ?? chunk.acc, keys);
  const contacts = await lockContacts(client, chunk.ws, keys);
  const listed = items.some((i) => i.op === 'membership' || (i.op === 'upsert' && (i.list_ids?.length ?? 0) > 0));
  const ids = contacts.map((c) => c.contact_id);
  const lists = listed ? await listLists(client, chunk.ws) : [];
  return new ProfileBatch({
    workspaceId: chunk.ws,
    acceptedAt: chunk.acc,
    contacts,
    memberships: listed ? await readMemberships(client, chunk.ws, ids) : [],
    lists: new Map(lists.map((l) => [l.id, l])),
    freeIds,
    ...tombstones,
  });
}

async function write(client: Client, workspaceId: number, batch: ProfileBatch): Promise<void> {
  const { inserts, updates, memberships, releaseEmails, releaseExternalIds } = batch.writes();
  await releaseKeys(client, workspaceId, { emails: releaseEmails, externalIds: releaseExternalIds });
  const inserted = await insertContacts(client, workspaceId, inserts);
  if (inserted.size < inserts.length) throw new KeyRaceError('an address of this chunk was taken meanwhile');
  await updateContacts(client, workspaceId, updates);
  await writeMemberships(client, workspaceId, memberships);
}

function externalIdsOf(items: readonly ProfileItem[]): string[] {
  return items.flatMap((i) => (i.op === 'upsert' && i.patch.external_id ? [i.patch.external_id] : []));
}

function keysOf(items: readonly ProfileItem[]) {
  const emails = new Set<string>();
  const contactIds = new Set<number>();
  for (const item of items) {
    if (item.op === 'upsert') {
      emails.add(item.patch.email);
      continue;
    }
    if (item.email !== undefined) emails.add(item.email);
    if (item.contact_id !== undefined) contactIds.add(item.contact_id);
    if (item.op === 'change_email') emails.add(item.new_email);
  }
  return { emails: [...emails], externalIds: [...new Set(externalIdsOf(items))], contactIds: [...contactIds] };
}

function rejectionsOf(deps: Deps, chunk: ProfileChunk, context: ChunkContext, refused: readonly RefusedItem[]): NewRejection[] {
  return refused.map(({ item, refusal, source = 'profile' }) =>
    toRejection(deps.config.MUSTER_HASH_KEY, refusal, {
      itemId: source === 'membership' ? `${itemId(item)}/lists` : itemId(item),
      jobId: context.chunkId,
      source,
      payload: item,
      email: item.op === 'upsert' ? item.patch.email : (item.email ?? null),
      acceptedAt: chunk.acc,
    }),
  );
}
