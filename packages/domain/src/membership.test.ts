import { describe, expect, test } from 'vitest';
import { decideMembership, MEMBERSHIP_STATUSES, type Membership, type MembershipDecision, type MembershipStatus } from './membership.ts';

const T = 1_700_000_000_000_000;
const single = { is_double_optin: false };
const double = { is_double_optin: true };

const member = (status: MembershipStatus, more: Partial<Membership> = {}): Membership => ({
  status,
  removed: false,
  decided_at: T,
  created_at: T - 5,
  updated_at: T,
  ...more,
});
const subscribe = (confirmed = false): MembershipDecision => ({ type: 'subscribe', confirmed });
const set = (status: MembershipStatus): MembershipDecision => ({ type: 'set', status });
const effect = (
  kind: 'bounce_email' | 'complain_email' | 'unsubscribe_email',
  explicitList = false,
  occurredAt = T + 9,
): MembershipDecision => ({
  type: 'side_effect',
  kind,
  explicitList,
  occurredAt,
});
const fresh = (status: MembershipStatus): Membership => ({
  status,
  removed: false,
  decided_at: T + 9,
  created_at: T + 9,
  updated_at: T + 9,
});
const changed = (status: MembershipStatus): Membership => ({ ...fresh(status), created_at: T - 5 });
const decide = (current: Membership | null, list: { is_double_optin: boolean }, decision: MembershipDecision) =>
  decideMembership(current, list, decision, T + 9);

describe('decideMembership', () => {
  test.each([
    [single, false, 'subscribed', 'active', 'list.subscribed'],
    [single, true, 'subscribed', 'active', 'list.subscribed'],
    [double, false, 'pending', 'pending', 'list.pending'],
    [double, true, 'subscribed', 'active', 'list.subscribed'],
  ] as const)(
    'subscribing sets active (or pending where the list is double opt-in and not confirmed): %j %s',
    (list, confirmed, outcome, status, kind) => {
      expect(decide(null, list, subscribe(confirmed))).toEqual({ outcome, next: fresh(status), kind });
      for (const old of MEMBERSHIP_STATUSES) {
        // a removed membership counts as no membership everywhere
        expect(decide(member(old, { removed: true }), list, subscribe(confirmed))).toEqual({ outcome, next: fresh(status), kind });
      }
    },
  );

  test.each(['unsubscribed', 'bounced', 'complained'] as const)('subscribing never revives %s: skipped_status', (status) => {
    for (const list of [single, double]) {
      for (const confirmed of [true, false]) {
        expect(decide(member(status), list, subscribe(confirmed))).toEqual({ outcome: 'skipped_status', next: null, kind: null });
      }
    }
  });

  test('subscribing an active membership changes nothing', () => {
    for (const list of [single, double]) {
      expect(decide(member('active'), list, subscribe())).toEqual({ outcome: 'unchanged', next: null, kind: null });
    }
  });

  test('subscribe a pending with confirmed: true → active, list.confirmed', () => {
    expect(decide(member('pending'), double, subscribe(true))).toEqual({
      outcome: 'confirmed',
      next: changed('active'),
      kind: 'list.confirmed',
    });
    expect(decide(member('pending'), double, subscribe())).toEqual({ outcome: 'unchanged', next: null, kind: null });
    expect(decide(member('pending'), single, subscribe())).toMatchObject({ outcome: 'confirmed', next: { status: 'active' } });
  });

  test.each(MEMBERSHIP_STATUSES)('updateStatus may set any status: %s', (status) => {
    for (const old of MEMBERSHIP_STATUSES) {
      const result = decide(member(old), double, set(status));
      if (old === status) {
        expect(result).toEqual({ outcome: 'unchanged', next: member(old, { decided_at: T + 9 }), kind: null });
      } else {
        expect(result).toMatchObject({ outcome: 'set', next: changed(status) });
      }
    }
    expect(decide(null, double, set(status))).toMatchObject({ outcome: 'set', next: fresh(status) });
    expect(decide(member(status, { removed: true }), double, set(status))).toMatchObject({ outcome: 'set', next: fresh(status) });
  });

  test.each([
    [null, 'active', 'list.subscribed'],
    ['pending', 'active', 'list.confirmed'],
    ['unsubscribed', 'active', 'list.resubscribed'],
    ['bounced', 'active', 'list.resubscribed'],
    ['complained', 'active', 'list.resubscribed'],
    ['active', 'pending', 'list.pending'],
    ['active', 'unsubscribed', 'list.unsubscribed'],
    [null, 'unsubscribed', 'list.unsubscribed'],
    ['unsubscribed', 'bounced', 'list.bounced'],
    ['active', 'complained', 'list.complained'],
  ] as const)('timeline kind of %s → %s is %s', (old, status, kind) => {
    expect(decide(old === null ? null : member(old), single, set(status)).kind).toBe(kind);
  });

  test('removing: soft-deleted, list.removed; what is no membership is not_member', () => {
    expect(decide(member('active'), single, { type: 'remove' })).toEqual({
      outcome: 'removed',
      next: member('active', { removed: true, decided_at: T + 9, updated_at: T + 9 }),
      kind: 'list.removed',
    });
    expect(decide(null, single, { type: 'remove' })).toEqual({ outcome: 'not_member', next: null, kind: null });
    expect(decide(member('active', { removed: true }), single, { type: 'remove' })).toEqual({
      outcome: 'not_member',
      next: member('active', { removed: true, decided_at: T + 9 }),
      kind: null,
    });
  });

  test.each([
    ['bounce_email', 'bounced', 'list.bounced'],
    ['complain_email', 'complained', 'list.complained'],
    ['unsubscribe_email', 'unsubscribed', 'list.unsubscribed'],
  ] as const)('%s sets active and pending memberships to %s, and no others', (event, status, kind) => {
    for (const old of ['active', 'pending'] as const) {
      expect(decide(member(old), double, effect(event))).toEqual({ outcome: 'set', next: changed(status), kind });
    }
    for (const old of ['unsubscribed', 'bounced', 'complained'] as const) {
      expect(decide(member(old), double, effect(event))).toMatchObject({ next: null, kind: null });
    }
    expect(decide(null, single, effect(event))).toEqual({ outcome: 'not_member', next: null, kind: null });
    expect(decide(member('active', { removed: true }), single, effect(event))).toMatchObject({ outcome: 'not_member', next: null });
  });

  test('unsubscribe_email with a list_id sets that one to unsubscribed; no membership: creates an unsubscribed one', () => {
    const named = effect('unsubscribe_email', true);
    expect(decide(null, single, named)).toEqual({ outcome: 'set', next: fresh('unsubscribed'), kind: 'list.unsubscribed' });
    expect(decide(member('active', { removed: true }), single, named)).toMatchObject({ outcome: 'set', next: fresh('unsubscribed') });
    for (const old of ['active', 'pending', 'bounced', 'complained'] as const) {
      expect(decide(member(old), single, named)).toMatchObject({ outcome: 'set', next: changed('unsubscribed') });
    }
    expect(decide(member('unsubscribed'), single, named)).toMatchObject({ outcome: 'unchanged', next: null });
  });

  test('bounce and complain with a list_id create no membership', () => {
    expect(decide(null, single, effect('bounce_email', true)).outcome).toBe('not_member');
    expect(decide(null, single, effect('complain_email', true)).outcome).toBe('not_member');
  });

  test.each(['bounce_email', 'complain_email', 'unsubscribe_email'] as const)(
    'unless the membership was decided later than the event was accepted or happened: %s',
    (event) => {
      const later = member('active', { decided_at: T + 10 });
      expect(decide(later, single, effect(event, true))).toEqual({ outcome: 'decided_later', next: null, kind: null });
      expect(decide(member('active'), single, effect(event, true, T - 1))).toEqual({ outcome: 'decided_later', next: null, kind: null });
      expect(decide(member('active', { removed: true, decided_at: T + 10 }), single, effect(event, true)).outcome).toBe('decided_later');
      expect(decide(member('active', { decided_at: T + 9 }), single, effect(event, true)).outcome).toBe('set');
    },
  );

  test('a status set again is a decision: an earlier bounce that arrives late does not undo it', () => {
    const again = decideMembership(member('active'), single, set('active'), T + 20).next;
    expect(decideMembership(again, single, effect('bounce_email', false, T + 10), T + 10).outcome).toBe('decided_later');
  });

  test('a subscription that changes nothing decides nothing: an earlier bounce still wins', () => {
    const result = decideMembership(member('active'), single, subscribe(), T + 20);
    expect(result.next).toBeNull();
    expect(decideMembership(member('active'), single, effect('bounce_email', false, T + 10), T + 10)).toMatchObject({
      next: { status: 'bounced' },
    });
  });

  test('decided_at never goes back, whatever the clocks of two machines say', () => {
    for (const decision of [set('unsubscribed'), set('active'), { type: 'remove' } as const]) {
      const { next } = decideMembership(member('active'), single, decision, T - 100);
      expect(next?.decided_at ?? T).toBe(T);
    }
  });
});
