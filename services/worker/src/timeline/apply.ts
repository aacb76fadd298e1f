/**
 * Judges a timeline chunk: one Postgres transaction that resolves or creates its contacts and writes the ledger row with every
 * item's verdict and contact. It commits before the first ClickHouse write; a repeated job replays that row and resolves nothing
 * again, so an event never ends up with two people.
 */
import {
  countVerdicts,
  enterErasureGate,
  findLedger,
  insertLedger,
  inTransaction,
  isApplied,
  type LedgerRow,
  lockExternalIds,
  type ParkedItem,
  parkItems,
  type Verdict,
} from '@muster/postgres';
import { type EventItem, followUpId, itemId, type TimelineChunk } from '@muster/queues';
import { serializeOutbox } from '../delivery/outbox.ts';
import type { Deps } from '../deps.ts';
import { resolveOrCreate } from '../resolve.ts';
import { readTombstones } from '../tombstones.ts';
import { type Effect, effectFollowUps } from './side-effects.ts';

/** Seconds for which this job itself delivers its outbox; after that the relay may. */
const LEASE_SECONDS = 8;

/** Order of an item's entry within its request. */
export const ordOf = (item: { index: number }): number => item.index * 64 + 32;

/**
 * Returns the ledger row of the chunk, writing it first when there is none.
 * @param duplicates positions whose producer id another item owns
 * @param owners claim owner by position, for items that have a claim
 */
export async function judgeTimelineChunk(
  deps: Deps,
  chunk: TimelineChunk,
  chunkId: string,
  duplicates: ReadonlySet<number>,
  owners: ReadonlyMap<number, string>,
): Promise<LedgerRow> {
  const earlier = await findLedger(deps.pool, chunkId);
  if (earlier) return earlier;
  const emails = [...new Set(chunk.items.flatMap(({ event }) => (event.email !== undefined ? [event.email] : [])))];
  const externalIds = [
    ...new Set(chunk.items.flatMap(({ event }) => (event.email === undefined && event.external_id ? [event.external_id] : []))),
  ];
  const freeIds = await deps.contactIds.take(chunk.ws, emails.length);
  const usedIds = await inTransaction(deps.pool, async (client) => {
    if (await isApplied(client, chunkId)) return 0;
    await enterErasureGate(client, chunk.ws);
    // Parking looks again under the lock that setting an external_id takes: otherwise both could miss each other.
    await lockExternalIds(client, chunk.ws, externalIds);
    const tombstones = await readTombstones(client, chunk.ws, deps.config.MUSTER_HASH_KEY, chunk.acc, {
      emails,
      externalIds,
      contactIds: [],
    });
    const erased = (item: EventItem) =>
      item.event.email !== undefined
        ? tombstones.isErased('email', item.event.email)
        : tombstones.isErased('external_id', item.event.external_id ?? '');
    const live = chunk.items.filter((item, n) => !duplicates.has(n) && !erased(item));
    const resolution = await resolveOrCreate(
      client,
      chunk.ws,
      chunk.acc,
      live.map((item) => ({ email: item.event.email, externalId: item.event.external_id, itemId: itemId(item), ord: ordOf(item) - 1 })),
      freeIds,
    );
    const parked: ParkedItem[] = [];
    const effects: Effect[] = [];
    const verdicts = chunk.items.map((item, position): Verdict => {
      const i = itemId(item);
      if (duplicates.has(position)) return { v: 'd', i };
      if (erased(item)) return { v: 'e', i };
      const id = resolution.find({ email: item.event.email, externalId: item.event.external_id });
      if (id === null) {
        parked.push(toParked(item, chunk, chunkId, owners.get(position) ?? null));
        return { v: 'k', i };
      }
      // The lane of an external_id-only event is that of no known address: any lane is right, as its decision carries its time.
      effects.push({ event: item.event, contactId: id, email: item.event.email ?? `#${id}`, root: item.root, index: item.index });
      return { v: 's', id, i };
    });
    await parkItems(client, chunk.ws, parked);
    const followUps = effectFollowUps(chunk.ws, chunk.acc, effects, deps.config.MUSTER_LANES);
    await insertLedger(client, {
      chunkId,
      workspaceId: chunk.ws,
      source: 'timeline',
      acceptedAt: chunk.acc,
      items: chunk.items.length,
      counts: countVerdicts(verdicts),
      verdicts,
      outbox: serializeOutbox({ entries: resolution.entries, contacts: resolution.created, followUps }),
      eventsPending: true,
      leaseSeconds: LEASE_SECONDS,
      replyTo: chunk.reply ?? null,
      followUps: followUps.map((f, n) => followUpId(chunkId, f.queue, n)),
    });
    await deps.failpoints('timeline.before_commit');
    return resolution.usedIds;
  });
  deps.contactIds.giveBack(chunk.ws, freeIds.slice(usedIds));
  const row = await findLedger(deps.pool, chunkId);
  if (!row) throw new Error('the ledger row of a judged chunk is missing');
  return row;
}

function toParked(item: EventItem, chunk: TimelineChunk, chunkId: string, claim: string | null): ParkedItem {
  return {
    item_id: itemId(item),
    external_id: item.event.external_id ?? '',
    kind: 'event',
    job_id: chunkId,
    payload: JSON.stringify(item.event),
    accepted_at: chunk.acc,
    ord: ordOf(item),
    claim,
  };
}
