/**
 * Judges a timeline chunk: one Postgres transaction that resolves or creates its contacts and writes the ledger row with every
 * item's verdict and contact. It commits before the first ClickHouse write; a repeated job replays that row and resolves nothing
 * again, so an event never ends up with two people.
 */
import {
  type Client,
  type ContactRow,
  countVerdicts,
  enterErasureGate,
  findLedger,
  inTransaction,
  type LedgerRow,
  lockExternalIds,
  type ParkedItem,
  parkItems,
  recordRejections,
  type Verdict,
} from '@muster/postgres';
import { type EventItem, followUpId, itemId, type TimelineChunk } from '@muster/queues';
import { type Entry, type Outbox, parseOutbox, serializeOutbox, type Written } from '../delivery/outbox.ts';
import { LEASE_SECONDS } from '../delivery/relay.ts';
import type { Deps } from '../deps.ts';
import { writeLedgerRow } from '../ledger-row.ts';
import { applyParts, type Part } from '../parts.ts';
import type { Mode } from '../poison.ts';
import { toRejection } from '../rejection.ts';
import { resolveOrCreate } from '../resolve.ts';
import { readTombstones } from '../tombstones.ts';
import { type Effect, effectFollowUps } from './side-effects.ts';

/** Order of an item's entry within its request. */
export const ordOf = (item: { index: number }): number => item.index * 64 + 32;

export type TimelineContext = {
  chunkId: string;
  /** Positions whose producer id another item owns. */
  duplicates: ReadonlySet<number>;
  /** Claim owner by position, for items that have a claim. */
  owners: ReadonlyMap<number, string>;
  mode: Mode;
};

type Segment = Part<EventItem> & { entries: Entry[]; created: ContactRow[]; parked: ParkedItem[]; effects: Effect[] };
const emptySegment = (): Segment => ({ verdicts: [], entries: [], created: [], parked: [], effects: [], refused: [], usedIds: 0 });

/** What the ledger says about a chunk: as it was written now, or by an earlier try. */
export type Judged = Pick<LedgerRow, 'verdicts' | 'delivered'> & { outbox: Outbox | null; written: Written | null };

/** Returns the verdicts of the chunk, writing its ledger row first when there is none. */
export async function judgeTimelineChunk(deps: Deps, chunk: TimelineChunk, context: TimelineContext): Promise<Judged> {
  const freeIds = await deps.contactIds.take(chunk.ws, emailsOf(chunk.items).length);
  let usedIds = 0;
  const judged = await inTransaction(deps.pool, async (client): Promise<Judged> => {
    const earlier = await findLedger(client, context.chunkId);
    if (earlier) return { ...earlier, outbox: earlier.outbox === null ? null : parseOutbox(earlier.outbox), written: null };
    await enterErasureGate(client, chunk.ws);
    // Parking looks again under the lock that setting an external_id takes: otherwise both could miss each other.
    await lockExternalIds(client, chunk.ws, externalIdsOf(chunk.items));
    const whole = await applyParts(deps, client, { ...context, items: chunk.items, freeIds }, emptySegment(), (from, to, ids) =>
      judgeRange(deps, client, chunk, context, from, to, ids),
    );
    await parkItems(client, chunk.ws, whole.parked);
    await recordRejections(
      client,
      chunk.ws,
      whole.refused.map(({ item, refusal }) =>
        toRejection(deps.config.MUSTER_HASH_KEY, refusal, {
          itemId: itemId(item),
          jobId: context.chunkId,
          source: 'timeline',
          payload: item.event,
          email: item.event.email ?? null,
          acceptedAt: chunk.acc,
        }),
      ),
    );
    const followUps = effectFollowUps(chunk.ws, chunk.acc, whole.effects, deps.config.MUSTER_LANES);
    const outbox: Outbox = { entries: whole.entries, contacts: whole.created.map((c) => c.contact_id), followUps };
    const text = serializeOutbox(outbox);
    await writeLedgerRow(client, {
      chunkId: context.chunkId,
      workspaceId: chunk.ws,
      source: 'timeline',
      acceptedAt: chunk.acc,
      items: chunk.items.length,
      counts: countVerdicts(whole.verdicts),
      verdicts: whole.verdicts,
      outbox: text,
      eventsPending: true,
      leaseSeconds: LEASE_SECONDS,
      replyTo: chunk.reply ?? null,
      followUps: followUps.map((f, n) => followUpId(context.chunkId, f.queue, n)),
    });
    await deps.failpoints('timeline.before_commit');
    usedIds = whole.usedIds;
    const written = { contacts: whole.created, memberships: [] };
    return { verdicts: whole.verdicts, outbox: text === null ? null : outbox, written, delivered: false };
  });
  // Only after a commit is it sure which ids were not written; after an error they are left as a gap.
  deps.contactIds.giveBack(chunk.ws, freeIds.slice(usedIds));
  return judged;
}

async function judgeRange(
  deps: Deps,
  client: Client,
  chunk: TimelineChunk,
  context: TimelineContext,
  from: number,
  to: number,
  freeIds: readonly number[],
): Promise<Segment> {
  const items = chunk.items.slice(from, to);
  const tombstones = await readTombstones(client, chunk.ws, deps.config.MUSTER_HASH_KEY, chunk.acc, {
    emails: emailsOf(items),
    externalIds: externalIdsOf(items),
    contactIds: [],
  });
  const isErased = ({ event }: EventItem) =>
    event.email !== undefined ? tombstones.isErased('email', event.email) : tombstones.isErased('external_id', event.external_id ?? '');
  const live = items.filter((item, n) => !context.duplicates.has(from + n) && !isErased(item));
  const resolution = await resolveOrCreate(
    client,
    chunk.ws,
    chunk.acc,
    live.map((item) => ({ email: item.event.email, externalId: item.event.external_id, itemId: itemId(item), ord: ordOf(item) - 1 })),
    freeIds,
  );
  const parked: ParkedItem[] = [];
  const effects: Effect[] = [];
  const verdicts: Verdict[] = [];
  for (const [n, item] of items.entries()) {
    const point = deps.failpoints('timeline.item', item.event.email);
    if (point) await point;
    const i = itemId(item);
    if (context.duplicates.has(from + n)) verdicts.push({ v: 'd', i });
    else if (isErased(item)) verdicts.push({ v: 'e', i });
    else {
      const id = resolution.find({ email: item.event.email, externalId: item.event.external_id });
      if (id === null) {
        parked.push(toParked(item, chunk, context.chunkId, context.owners.get(from + n) ?? null));
        verdicts.push({ v: 'k', i });
        continue;
      }
      // An event that names only an external_id has no address to choose the lane by; any lane is right, as its decision
      // carries the time of its acceptance.
      effects.push({ event: item.event, contactId: id, email: item.event.email ?? `#${id}`, root: item.root, index: item.index });
      verdicts.push({ v: 's', id, i });
    }
  }
  return { verdicts, entries: resolution.entries, created: resolution.created, parked, effects, refused: [], usedIds: resolution.usedIds };
}

function emailsOf(items: readonly EventItem[]): string[] {
  const emails = new Set<string>();
  for (const { event } of items) if (event.email !== undefined) emails.add(event.email);
  return [...emails];
}

/** Ids that decide whose event it is; with an address the id does not matter. */
function externalIdsOf(items: readonly EventItem[]): string[] {
  const ids = new Set<string>();
  for (const { event } of items) if (event.email === undefined && event.external_id) ids.add(event.external_id);
  return [...ids];
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
