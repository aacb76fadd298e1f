/**
 * Works off the memberships of deleted lists: the list is hidden at once, its members leave it through their lanes, in small
 * chunks, and the id is free when none is left. Repeatable: removing twice changes nothing.
 */
import { laneOf } from '@muster/domain';
import { dropHiddenList, hiddenLists, membersToRemove } from '@muster/postgres';
import { addFollowUps, type MembershipItem } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import type { Deps } from '../deps.ts';

const PAGE = 1_000;
const PAGES_PER_RUN = 20;

export async function workOffHiddenLists(deps: Deps): Promise<number> {
  let queued = 0;
  for (const { workspace_id, list_id, deleted_at } of await hiddenLists(deps.pool)) {
    let afterId = 0;
    for (let page = 0; page < PAGES_PER_RUN; page += 1) {
      const members = await membersToRemove(deps.pool, workspace_id, list_id, afterId, PAGE);
      if (members.length === 0) break;
      afterId = members.at(-1)?.contact_id ?? afterId;
      const acceptedAt = await redisMicros(deps.redis);
      const byLane = new Map<number, MembershipItem[]>();
      // Derived from the deletion and its members: a run that repeats before the last one was applied adds the same chunks.
      const root = `list-${list_id}-${deleted_at.getTime()}-${members[0]?.contact_id}-${afterId}`;
      members.forEach((m, index) => {
        const lane = laneOf(workspace_id, m.email, deps.config.MUSTER_LANES);
        const items = byLane.get(lane) ?? [];
        items.push({ op: 'membership', root, index, contact_id: m.contact_id, list_ids: [list_id], decision: { type: 'remove' } });
        byLane.set(lane, items);
      });
      await addFollowUps(
        deps.flow,
        `${workspace_id}|${root}`,
        [...byLane].map(([lane, items]) => ({ queue: { kind: 'profile', lane } as const, workspaceId: workspace_id, acceptedAt, items })),
      );
      queued += members.length;
    }
    if (await dropHiddenList(deps.pool, workspace_id, list_id))
      deps.log.info({ workspace: workspace_id }, 'a deleted list has no member left');
  }
  return queued;
}
