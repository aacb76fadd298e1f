import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../reference/evaluate.ts';
import { activity, branch, event, filter, goal, list, segment, where } from '../reference/fixtures/build.ts';
import { leavesOf } from '../schema/tree.ts';
import { caseArbitrary } from '../testing/index.ts';
import { movesBy } from './moves.ts';

const OPENED = 'kind:open_email';
const JOINS = { joins: true, leaves: false };
const LEAVES = { joins: false, leaves: true };
const BOTH = { joins: true, leaves: true };
const NEITHER = { joins: false, leaves: false };

describe('a new entry of a kind', () => {
  test.each([
    ['lets contacts join "at least"', activity({ count_value: 3 }), JOINS],
    ['lets contacts leave "at most"', activity({ count_operator: 'at_most', count_value: 2 }), LEAVES],
    ['lets contacts leave "never"', activity({ count_operator: 'exactly', count_value: 0 }), LEAVES],
    ['does either to "exactly 2"', activity({ count_operator: 'exactly', count_value: 2 }), BOTH],
    ['does either where copies may differ', activity({ filters: [filter('link_url', 'string', 'is_set')] }), BOTH],
    ['does nothing to another kind', activity({ kind: 'click_email' }), NEITHER],
    ['does nothing to profiles, lists, goals and segments', branch('and', where(filter('country', 'string', 'is_set')), goal()), NEITHER],
    [
      'does nothing to them in a branch either',
      branch('or', list({ operator: 'in', list_id: 'l' }), segment({ operator: 'in', segment_id: 's' })),
      NEITHER,
    ],
    ['turns round under NONE', branch('none', activity()), LEAVES],
    ['turns round twice under two', branch('none', branch('none', activity()), activity({ kind: 'click_email' })), JOINS],
    [
      'lets contacts join a window that ends in a while',
      activity({ timeframe_operator: 'in_the_last_days', timeframe_values: ['0.01'] }),
      JOINS,
    ],
    ['does either to a window that ends soon', activity({ timeframe_operator: 'in_the_last_days', timeframe_values: ['0.001'] }), BOTH],
    ['does either where leaves disagree', branch('or', activity(), activity({ count_operator: 'exactly', count_value: 0 })), BOTH],
  ])('%s', (_, tree, moves) => {
    expect(movesBy(tree, OPENED)).toEqual(moves);
  });

  test('moves contacts in no other direction, whatever the tree and the data', () => {
    let moved = 0;
    const property = fc.property(
      caseArbitrary(),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: -40, max: 5 }),
      ({ world, tree, at }, c, k, days) => {
        const kinds = [...leavesOf(tree)].flatMap(({ leaf }) => (leaf.source === 'contact_timeline' ? [leaf.contact_timeline.kind] : []));
        const kind = kinds[k % Math.max(1, kinds.length)];
        const contact = world.contacts[c % Math.max(1, world.contacts.length)];
        if (!kind || kind.startsWith('custom_event.') || !contact) return;
        const before = evaluate(tree, world, at);
        const entry = event(contact.contact_id, { kind, occurred_at: at.now + days * 86_400_000 });
        const after = evaluate(tree, { ...world, events: [...world.events, entry] }, at);
        const { joins, leaves } = movesBy(tree, `kind:${kind}`);
        for (const id of after) if (!before.has(id)) expect(joins, `${id} joined`).toBe(true);
        for (const id of before) if (!after.has(id)) expect(leaves, `${id} left`).toBe(true);
        if (after.size !== before.size) moved += 1;
      },
    );
    fc.assert(property, { numRuns: 1_000 });
    expect(moved).toBeGreaterThan(10);
  });
});

test('what else a mark tells of can do either', () => {
  for (const name of ['contact', 'goals', 'list:l', 'segment:s', 'field:country', 'window:kind:open_email', 'kind:custom_event.order'])
    expect(movesBy(activity({ kind: name.startsWith('kind:') ? 'custom_event.order' : 'open_email' }), name)).toEqual(BOTH);
});
