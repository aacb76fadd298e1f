/**
 * What activity events do to memberships: permanent bounces, complaints and unsubscribes become items of the contact's profile
 * lane, decided as of the event's acceptance, so they never override a later decision.
 */
import { type ActivityEvent, laneOf } from '@muster/domain';
import type { MembershipItem } from '@muster/queues';
import type { OutboxFollowUp } from '../delivery/outbox.ts';

export type Effect = { event: ActivityEvent; contactId: number; email: string; root: string; index: number };

/** The membership item that an event causes, or null. `acceptedAt` microseconds. */
export function membershipEffect(effect: Effect, acceptedAt: number): MembershipItem | null {
  const { event } = effect;
  if (event.kind !== 'bounce_email' && event.kind !== 'complain_email' && event.kind !== 'unsubscribe_email') return null;
  if (event.kind === 'bounce_email' && event.properties?.bounce_type !== 'permanent') return null;
  const named = event.kind === 'unsubscribe_email' && event.list_id !== undefined;
  return {
    op: 'membership',
    root: effect.root,
    index: effect.index,
    contact_id: effect.contactId,
    ...(named && event.list_id !== undefined ? { list_ids: [event.list_id] } : {}),
    decision: {
      type: 'side_effect',
      kind: event.kind,
      explicitList: named,
      occurredAt: event.occurred_at === undefined ? acceptedAt : Date.parse(event.occurred_at) * 1_000,
    },
  };
}

/** Follow-up chunks for the lanes of the contacts concerned, items in order. */
export function effectFollowUps(workspaceId: number, acceptedAt: number, effects: readonly Effect[], lanes: number): OutboxFollowUp[] {
  const byLane = new Map<number, MembershipItem[]>();
  for (const effect of effects) {
    const item = membershipEffect(effect, acceptedAt);
    if (!item) continue;
    const lane = laneOf(workspaceId, effect.email, lanes);
    const items = byLane.get(lane);
    if (items) items.push(item);
    else byLane.set(lane, [item]);
  }
  return [...byLane].map(([lane, items]) => ({ queue: { kind: 'profile', lane }, acc: acceptedAt, items }));
}
