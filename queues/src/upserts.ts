/** Upserts as queue items, whoever takes them in: lane, identity, and the route of external ids. */
import { type ContactPatch, laneOf } from '@muster/domain';
import type { Redis } from '@muster/runtime';
import type { UpsertItem } from './payloads.ts';
import type { RoutedItem } from './producer.ts';
import { routeExternalIds } from './routes.ts';

export type UpsertOptions = { listIds: readonly string[]; confirmed: boolean; identifyBy: 'email' | 'external_id' };

/** One upsert in the lane of its email. */
export function routedUpsert(
  workspaceId: number,
  lanes: number,
  id: { root: string; index: number; idem?: true },
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
export async function routeUpserts(redis: Redis, workspaceId: number, items: readonly RoutedItem[]): Promise<RoutedItem[]> {
  const named: { position: number; externalId: string; lane: number }[] = [];
  for (const [position, { item, queue }] of items.entries()) {
    if (!('op' in item) || item.op !== 'upsert' || queue.kind !== 'profile') continue;
    const externalId = item.patch.external_id;
    if (typeof externalId === 'string') named.push({ position, externalId, lane: queue.lane });
  }
  if (named.length === 0) return [...items];
  const lanes = await routeExternalIds(redis, workspaceId, named);
  const routed = [...items];
  for (const [i, { position }] of named.entries()) {
    const current = routed[position];
    const lane = lanes[i];
    if (!current || lane === undefined || !('op' in current.item) || current.item.op !== 'upsert') continue;
    if (current.item.identify_by === 'external_id') routed[position] = { ...current, queue: { kind: 'profile', lane } };
  }
  return routed;
}
