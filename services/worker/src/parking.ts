/**
 * Delivers parked items once a contact has their external_id, and ends those that waited too long.
 *
 * Delivery of one id is one transaction under that id's lock: take the items, write a ledger row whose outbox holds them (parked
 * −n, applied +n), commit; the relay does the rest. A lane calls it after it set an id; the sweep finds what a crash
 * between the two left behind.
 */
import { createHash } from 'node:crypto';
import { activityEventSchema, customEventSchema, laneOf, uuidv7 } from '@muster/domain';
import {
  countVerdicts,
  deliverableParked,
  enterErasureGate,
  findContact,
  insertLedger,
  inTransaction,
  lockExternalIds,
  type ParkedItem,
  recordRejections,
  takeExpiredParked,
  takeParked,
  type Verdict,
} from '@muster/postgres';
import { type CustomEventItem, chunkId, releaseClaims } from '@muster/queues';
import { errorFields } from '@muster/runtime';
import { type OutboxFollowUp, type StoredEvent, serializeOutbox } from './delivery/outbox.ts';
import type { Deps } from './deps.ts';
import { refusals } from './refusals.ts';
import { toRejection } from './rejection.ts';
import { type Effect, effectFollowUps } from './timeline/side-effects.ts';

const BATCH = 500;

/** Starts the delivery of what waits for these ids; errors are left to the sweep. */
export function deliverParkedSoon(deps: Deps, workspaceId: number, externalIds: readonly string[]): void {
  void (async () => {
    for (const externalId of externalIds) while ((await deliverParkedOnce(deps, workspaceId, externalId)) === BATCH);
  })().catch((error: unknown) => deps.log.warn(errorFields(error), 'parked items not delivered yet, the sweep will'));
}

/** Delivers up to 500 items of one id, oldest first; returns how many. */
export async function deliverParkedOnce(deps: Deps, workspaceId: number, externalId: string): Promise<number> {
  const taken = await inTransaction(deps.pool, async (client) => {
    await enterErasureGate(client, workspaceId);
    await lockExternalIds(client, workspaceId, [externalId]);
    const contact = await findContact(client, workspaceId, { externalId });
    if (!contact) return 0;
    const items = await takeParked(client, workspaceId, externalId, BATCH);
    const events = items.filter((p) => p.kind === 'event');
    if (events.length > 0) await storeEvents(deps, client, workspaceId, contact, events);
    const custom = items.filter((p) => p.kind === 'custom_event');
    for (const group of byAcceptance(custom)) await requeueCustomEvents(deps, client, workspaceId, group);
    await deps.failpoints('parking.before_commit');
    return items.length;
  });
  if (taken > 0) deps.wakeRelay();
  return taken;
}

type Db = Parameters<typeof insertLedger>[0];
const NO_COUNTS = countVerdicts([]);

async function storeEvents(
  deps: Deps,
  client: Db,
  workspaceId: number,
  contact: { contact_id: number; email: string },
  items: ParkedItem[],
): Promise<void> {
  const stored: StoredEvent[] = items.map((p) => ({
    c: contact.contact_id,
    i: p.item_id,
    o: p.ord,
    acc: p.accepted_at,
    e: activityEventSchema.parse(JSON.parse(p.payload)),
  }));
  const followUps = stored.flatMap((s) => {
    const effect: Effect = { event: s.e, contactId: s.c, email: contact.email, ...identityOf(s.i) };
    return effectFollowUps(workspaceId, s.acc, [effect], deps.config.MUSTER_LANES);
  });
  const verdicts: Verdict[] = items.map((p) => ({ v: 's', id: contact.contact_id, i: p.item_id }));
  await insertLedger(client, {
    chunkId: chunkId({ kind: 'timeline' }, uuidv7()),
    workspaceId,
    source: 'timeline',
    acceptedAt: items[0]?.accepted_at ?? 0,
    items: 0,
    counts: { ...NO_COUNTS, parked: -items.length, applied: items.length },
    verdicts,
    outbox: serializeOutbox({ events: stored, followUps }),
    eventsPending: false,
    leaseSeconds: 0,
    replyTo: null,
    followUps: [],
  });
}

/** Custom events go back through their lanes, as accepted when they were; the lane's ledger row counts them out of `parked`. */
async function requeueCustomEvents(deps: Deps, client: Db, workspaceId: number, items: ParkedItem[]): Promise<void> {
  const lanes = new Map<number, CustomEventItem[]>();
  for (const p of items) {
    const event = customEventSchema.parse(JSON.parse(p.payload));
    const lane = laneOf(workspaceId, `${event.event_name}\0${event.external_id}`, deps.config.MUSTER_LANES);
    const list = lanes.get(lane) ?? [];
    list.push({ ...identityOf(p.item_id), event });
    lanes.set(lane, list);
  }
  const acc = items[0]?.accepted_at ?? 0;
  const followUps: OutboxFollowUp[] = [...lanes].map(([lane, list]) => ({
    queue: { kind: 'custom_event', lane },
    acc,
    unparked: true,
    items: list,
  }));
  await insertLedger(client, {
    chunkId: chunkId({ kind: 'timeline' }, uuidv7()),
    workspaceId,
    source: 'custom_event',
    acceptedAt: acc,
    items: 0,
    counts: NO_COUNTS,
    verdicts: [],
    outbox: serializeOutbox({ followUps }),
    eventsPending: false,
    leaseSeconds: 0,
    replyTo: null,
    followUps: [],
  });
}

function byAcceptance(items: readonly ParkedItem[]): ParkedItem[][] {
  const groups = new Map<number, ParkedItem[]>();
  for (const item of items) {
    const group = groups.get(item.accepted_at);
    if (group) group.push(item);
    else groups.set(item.accepted_at, [item]);
  }
  return [...groups.values()];
}

function identityOf(itemId: string): { root: string; index: number } {
  const at = itemId.lastIndexOf(':');
  return { root: itemId.slice(0, at), index: Number(itemId.slice(at + 1)) };
}

/** Delivers what a crash left parked, and turns items parked for too long into rejections. Returns [delivered, expired]. */
export async function sweepParked(deps: Deps): Promise<[number, number]> {
  let delivered = 0;
  for (const { workspace_id, external_id } of await deliverableParked(deps.pool, 200))
    delivered += await deliverParkedOnce(deps, workspace_id, external_id);
  const expired = await inTransaction(deps.pool, async (client) => {
    const items = await takeExpiredParked(client, deps.config.MUSTER_PARK_DAYS, BATCH);
    for (const workspaceId of new Set(items.map((p) => p.workspace_id))) {
      const own = items.filter((p) => p.workspace_id === workspaceId);
      await recordRejections(
        client,
        workspaceId,
        own.map((p) => expiredRejection(deps, p)),
      );
      await insertLedger(client, {
        // The id is derived from the items, so a repeated sweep after a lost commit answer cannot count them twice.
        chunkId: `t-${uuidOf(own.map((p) => p.item_id).join('|'))}`,
        workspaceId,
        source: 'timeline',
        acceptedAt: own[0]?.accepted_at ?? 0,
        items: 0,
        counts: { ...NO_COUNTS, parked: -own.length, rejected: own.length },
        verdicts: own.map((p) => ({ v: 'r', i: p.item_id })),
        outbox: null,
        eventsPending: false,
        leaseSeconds: 0,
        replyTo: null,
        followUps: [],
      });
    }
    return items;
  });
  for (const p of expired) if (p.claim !== null) await releaseClaims(deps.redis, p.workspace_id, [{ id: claimIdOf(p), owner: p.claim }]);
  return [delivered, expired.length];
}

function expiredRejection(deps: Deps, p: ParkedItem) {
  const payload: unknown = JSON.parse(p.payload);
  return toRejection(deps.config.MUSTER_HASH_KEY, refusals.unknownExternalId, {
    itemId: p.item_id,
    jobId: p.job_id,
    source: p.kind === 'event' ? 'timeline' : 'custom_event',
    payload,
    email: null,
    externalId: p.external_id,
    acceptedAt: p.accepted_at,
  });
}

function claimIdOf(p: ParkedItem): string {
  const event = activityEventSchema.parse(JSON.parse(p.payload));
  return event.id === undefined ? `idem:${p.item_id}` : `id:${event.id}`;
}

function uuidOf(text: string): string {
  const hex = createHash('sha1').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
