/** Items about contacts, for the queue. */
import { jsonBytes, laneOf } from '@muster/domain';
import { type ChangeEmailItem, type MembershipItem, type RoutedItem, routeUpserts as route } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { fromRedis } from '../http/failures.ts';

/** {@link route}, answering 503 while Redis is away. */
export function routeUpserts(deps: ApiDeps, workspaceId: number, items: readonly RoutedItem[]): Promise<RoutedItem[]> {
  return fromRedis(route(deps.redis, workspaceId, items));
}

/** Any other item about one contact, in the lane of its email. */
export function profileItem(deps: ApiDeps, workspaceId: number, email: string, item: MembershipItem | ChangeEmailItem): RoutedItem {
  return { queue: { kind: 'profile', lane: laneOf(workspaceId, email, deps.config.MUSTER_LANES) }, item, bytes: jsonBytes(item) };
}
