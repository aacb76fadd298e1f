import type { ActivityEvent } from '@muster/domain';
import { describe, expect, test } from 'vitest';
import { type Effect, effectFollowUps, membershipEffect } from './side-effects.ts';

const ACC = 1_700_000_000_123_456;
const effect = (event: ActivityEvent, more: Partial<Effect> = {}): Effect => ({
  ...{ event, contactId: 7, email: 'a@x.io', root: 'r', index: 3 },
  ...more,
});

describe('what an event does to memberships', () => {
  test.each<[ActivityEvent, boolean]>([
    [{ kind: 'open_email' }, false],
    [{ kind: 'click_email', list_id: 'news' }, false],
    [{ kind: 'insert_message_history' }, false],
    [{ kind: 'bounce_email' }, false],
    [{ kind: 'bounce_email', properties: { bounce_type: 'transient' } }, false],
    [{ kind: 'bounce_email', properties: { bounce_type: ['permanent'] } }, false],
    [{ kind: 'bounce_email', properties: { bounce_type: 'permanent' } }, true],
    [{ kind: 'complain_email' }, true],
    [{ kind: 'unsubscribe_email' }, true],
  ])('%o: %s', (event, any) => {
    expect(membershipEffect(effect(event), ACC) !== null).toBe(any);
  });

  test('only an unsubscribe that names a list is about that list alone; the item keeps the identity of its event', () => {
    expect(membershipEffect(effect({ kind: 'unsubscribe_email', list_id: 'news' }), ACC)).toEqual({
      ...{ op: 'membership', root: 'r', index: 3, contact_id: 7, list_ids: ['news'] },
      decision: { type: 'side_effect', kind: 'unsubscribe_email', explicitList: true, occurredAt: ACC },
    });
    const bounce = membershipEffect(effect({ kind: 'bounce_email', list_id: 'news', properties: { bounce_type: 'permanent' } }), ACC);
    expect(bounce?.list_ids).toBeUndefined();
    expect(bounce?.decision).toMatchObject({ explicitList: false });
  });

  test('"decided later than the event was accepted or happened": both times travel, the given one also when before 1970', () => {
    const event: ActivityEvent = { kind: 'complain_email', occurred_at: '1969-12-31T23:59:59.999Z' };
    expect(membershipEffect(effect(event), ACC)?.decision).toMatchObject({ occurredAt: -1_000 });
    expect(effectFollowUps(1, ACC, [effect(event)], 8)).toMatchObject([{ acc: ACC, queue: { kind: 'profile' } }]);
  });

  test('one chunk per lane, items in the order of their events, nothing for events without an effect', () => {
    const people = Array.from({ length: 40 }, (_, n) =>
      effect({ kind: 'complain_email' }, { email: `p${n % 4}@x.io`, contactId: n % 4, index: n }),
    );
    const followUps = effectFollowUps(1, ACC, [...people, effect({ kind: 'open_email' })], 8);
    const lanes = followUps.map((f) => f.queue.lane);
    expect(new Set(lanes).size).toBe(lanes.length);
    expect(followUps.flatMap((f) => f.items)).toHaveLength(40);
    for (const f of followUps) {
      const indexes = f.items.map((i) => i.index);
      expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
    }
  });
});
