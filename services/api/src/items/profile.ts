/** Upserts as queue items: lane, identity, and the route of external ids. */
import { type ContactPatch, jsonBytes, laneOf } from '@muster/domain';
import { type ChangeEmailItem, type MembershipItem, type RoutedItem, routeExternalIds, type UpsertItem } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { fromRedis } from '../http/failures.ts';
import type { Identity } from '../intake.ts';

export type UpsertOptions = { listIds: readonly string[]; confirmed: boolean; identifyBy: 'email' | 'external_id' };

/** One upsert in the lane of its email. */
export function upsertItem(
  workspaceId: number,
  lanes: number,
  id: Identity,
  patch: ContactPatch,
  options: UpsertOptions,
  bytes: number,
): RoutedItem {
  // Named one by one: spreading the identity took as long as hashing the address.
  const item: UpsertItem = { root: id.root, index: id.index, op: 'upsert', patch };
  if (id.idem) item.idem = true;
  if (options.listIds.length > 0) item.list_ids = [...options.listIds];
  if (options.confirmed) item.confirmed = true;
  if (options.identifyBy === 'external_id') item.identify_by = 'external_id';
  return { queue: { kind: 'profile', lane: laneOf(workspaceId, patch.email, lanes) }, item, bytes };
}

/**
 * Records which lane each external id belongs to. Items that find their contact by external id move to the recorded lane, so that
 * two of them, sent one after the other, meet in one lane; plain upserts stay in the lane of their email.
 */
export async function routeUpserts(deps: ApiDeps, workspaceId: number, items: readonly RoutedItem[]): Promise<RoutedItem[]> {
  const named: { position: number; externalId: string; lane: number }[] = [];
  for (const [position, { item, queue }] of items.entries()) {
    if (!('op' in item) || item.op !== 'upsert' || queue.kind !== 'profile') continue;
    const externalId = item.patch.external_id;
    if (typeof externalId === 'string') named.push({ position, externalId, lane: queue.lane });
  }
  if (named.length === 0) return [...items];
  const lanes = await fromRedis(routeExternalIds(deps.redis, workspaceId, named));
  const routed = [...items];
  for (const [i, { position }] of named.entries()) {
    const current = routed[position];
    const lane = lanes[i];
    if (!current || lane === undefined || !('op' in current.item) || current.item.op !== 'upsert') continue;
    if (current.item.identify_by === 'external_id') routed[position] = { ...current, queue: { kind: 'profile', lane } };
  }
  return routed;
}

/** Any other item about one contact, in the lane of its email. */
export function profileItem(deps: ApiDeps, workspaceId: number, email: string, item: MembershipItem | ChangeEmailItem): RoutedItem {
  return { queue: { kind: 'profile', lane: laneOf(workspaceId, email, deps.config.MUSTER_LANES) }, item, bytes: jsonBytes(item) };
}
