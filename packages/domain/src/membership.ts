/**
 * A contact's membership of one list, and what may happen to it.
 *
 *   none ──subscribe──▶ active | pending        pending ──subscribe confirmed──▶ active
 *   active, pending ──bounce_email──▶ bounced   ──complain_email──▶ complained   ──unsubscribe_email──▶ unsubscribed
 *   unsubscribed, bounced, complained ──subscribe──▶ (stays: skipped_status)      any ──set──▶ any      any ──remove──▶ none
 *
 * A removed membership counts as none everywhere; its row stays to remember when that was decided.
 * All times are microseconds since the epoch.
 */

export const MEMBERSHIP_STATUSES = ['active', 'pending', 'unsubscribed', 'bounced', 'complained'] as const;
export type MembershipStatus = (typeof MEMBERSHIP_STATUSES)[number];

export type Membership = {
  status: MembershipStatus;
  removed: boolean;
  /** Acceptance of the item that decided the status (µs). */
  decided_at: number;
  created_at: number;
  /** Moves when the status changes or the membership is removed. */
  updated_at: number;
};

export type MembershipDecision =
  | { type: 'subscribe'; confirmed: boolean }
  | { type: 'set'; status: MembershipStatus }
  | { type: 'remove' }
  | {
      type: 'side_effect';
      /** `bounce_email` only when it is permanent: the caller filters. */
      kind: 'bounce_email' | 'complain_email' | 'unsubscribe_email';
      /** The event names this very list. */
      explicitList: boolean;
      /** When the event happened (µs). */
      occurredAt: number;
    };

export type MembershipOutcome =
  | 'subscribed'
  | 'pending'
  | 'confirmed'
  /** Subscribing never revives `unsubscribed`, `bounced` or `complained`. */
  | 'skipped_status'
  | 'unchanged'
  | 'set'
  | 'removed'
  | 'not_member'
  /** A side effect of an event that was accepted, or happened, before the membership was decided. */
  | 'decided_later';

export type MembershipKind =
  | 'list.subscribed'
  | 'list.pending'
  | 'list.confirmed'
  | 'list.resubscribed'
  | 'list.unsubscribed'
  | 'list.bounced'
  | 'list.complained'
  | 'list.removed';

export type MembershipResult = {
  outcome: MembershipOutcome;
  /** What to store; null = no write. With `unchanged` only `decided_at` moved: store it, make no entry. */
  next: Membership | null;
  /** Kind of the timeline entry; null = none. */
  kind: MembershipKind | null;
};

const STATUS_KIND = {
  active: 'list.subscribed',
  pending: 'list.pending',
  unsubscribed: 'list.unsubscribed',
  bounced: 'list.bounced',
  complained: 'list.complained',
} as const satisfies Record<MembershipStatus, MembershipKind>;

const EFFECT_STATUS = {
  bounce_email: 'bounced',
  complain_email: 'complained',
  unsubscribe_email: 'unsubscribed',
} as const satisfies Record<string, MembershipStatus>;

/**
 * Decides what one item does to one membership. Pure.
 *
 * @param current the stored row, removed or not; null when there is none
 * @param acceptedAt acceptance of the deciding item, for side effects that of the event (µs)
 */
export function decideMembership(
  current: Membership | null,
  list: { is_double_optin: boolean },
  decision: MembershipDecision,
  acceptedAt: number,
): MembershipResult {
  switch (decision.type) {
    case 'subscribe':
      return subscribe(current, decision.confirmed || !list.is_double_optin, acceptedAt);
    case 'set':
      return set(current, decision.status, acceptedAt);
    case 'remove':
      return remove(current, acceptedAt);
    case 'side_effect':
      return sideEffect(current, decision, acceptedAt);
  }
}

/** The membership in force: a removed one counts as none. */
function inForce(current: Membership | null): Membership | null {
  return current === null || current.removed ? null : current;
}

function subscribe(current: Membership | null, toActive: boolean, acceptedAt: number): MembershipResult {
  const status = inForce(current)?.status;
  // Nothing below moves decided_at of a membership that stays: an earlier unsubscribe that arrives late must still win over
  // a subscription that changed nothing.
  if (status === 'active' || (status === 'pending' && !toActive)) return { outcome: 'unchanged', next: null, kind: null };
  if (status === 'pending') return { outcome: 'confirmed', next: move(current, 'active', acceptedAt), kind: 'list.confirmed' };
  if (status !== undefined) return { outcome: 'skipped_status', next: null, kind: null };
  return toActive
    ? { outcome: 'subscribed', next: move(current, 'active', acceptedAt), kind: 'list.subscribed' }
    : { outcome: 'pending', next: move(current, 'pending', acceptedAt), kind: 'list.pending' };
}

function set(current: Membership | null, status: MembershipStatus, acceptedAt: number): MembershipResult {
  const before = inForce(current);
  if (before?.status === status) {
    // Stating the status again is a decision: side effects of earlier events must not undo it.
    return { outcome: 'unchanged', next: decidedAgain(before, acceptedAt), kind: null };
  }
  let kind: MembershipKind = STATUS_KIND[status];
  if (status === 'active' && before !== null) kind = before.status === 'pending' ? 'list.confirmed' : 'list.resubscribed';
  return { outcome: 'set', next: move(current, status, acceptedAt), kind };
}

function remove(current: Membership | null, acceptedAt: number): MembershipResult {
  if (current === null) return { outcome: 'not_member', next: null, kind: null };
  if (current.removed) return { outcome: 'not_member', next: decidedAgain(current, acceptedAt), kind: null };
  const decided_at = Math.max(current.decided_at, acceptedAt);
  return { outcome: 'removed', next: { ...current, removed: true, decided_at, updated_at: acceptedAt }, kind: 'list.removed' };
}

function sideEffect(
  current: Membership | null,
  effect: Extract<MembershipDecision, { type: 'side_effect' }>,
  acceptedAt: number,
): MembershipResult {
  if (current !== null && (current.decided_at > acceptedAt || current.decided_at > effect.occurredAt)) {
    return { outcome: 'decided_later', next: null, kind: null };
  }
  const before = inForce(current);
  const status = EFFECT_STATUS[effect.kind];
  const named = effect.kind === 'unsubscribe_email' && effect.explicitList;
  if (before === null && !named) return { outcome: 'not_member', next: null, kind: null };
  if (before !== null) {
    if (before.status === status) return { outcome: 'unchanged', next: null, kind: null };
    if (!named && before.status !== 'active' && before.status !== 'pending') return { outcome: 'skipped_status', next: null, kind: null };
  }
  return { outcome: 'set', next: move(current, status, acceptedAt), kind: STATUS_KIND[status] };
}

/** The membership with a new status. Clocks of two machines may disagree: `decided_at` never goes back. */
function move(current: Membership | null, status: MembershipStatus, acceptedAt: number): Membership {
  const decided_at = current === null ? acceptedAt : Math.max(current.decided_at, acceptedAt);
  const created_at = inForce(current)?.created_at ?? acceptedAt;
  return { status, removed: false, decided_at, created_at, updated_at: acceptedAt };
}

function decidedAgain(current: Membership, acceptedAt: number): Membership | null {
  return acceptedAt > current.decided_at ? { ...current, decided_at: acceptedAt } : null;
}
