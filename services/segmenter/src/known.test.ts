import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KnownMembers } from './known.ts';

const setOf = (segmentUid: number, baseEpoch: number) => ({ segmentUid, baseEpoch, epoch: 1, voidEpochs: [] });

describe('members that an evaluator remembers', () => {
  it('knows nothing at first, and then what it learned, joins and leaves included', () => {
    const known = new KnownMembers();
    const sets = [setOf(1, 10), setOf(2, 10)];
    expect(known.lookUp(sets, [5, 6])).toEqual({ members: new Map([1, 2].map((uid) => [uid, new Set()])), missing: [5, 6] });
    known.learn(sets, [5, 6], new Map([[1, new Set([5])]]));
    known.moved([{ segmentUid: 2, joined: [6], parted: [] }]);
    known.moved([{ segmentUid: 1, joined: [], parted: [5] }]);
    expect(known.lookUp(sets, [5, 6, 7])).toEqual({
      members: new Map([
        [1, new Set()],
        [2, new Set([6])],
      ]),
      missing: [7],
    });
  });

  it('asks again for everybody when a segment has another complete set, and for whom a further segment is asked', () => {
    const known = new KnownMembers();
    known.learn([setOf(1, 10)], [5], new Map([[1, new Set([5])]]));
    expect(known.lookUp([setOf(1, 11)], [5]).missing).toEqual([5]);
    known.learn([setOf(1, 11)], [5], new Map());
    expect(known.lookUp([setOf(1, 11)], [5])).toEqual({ members: new Map([[1, new Set()]]), missing: [] });
    expect(known.lookUp([setOf(1, 11), setOf(2, 3)], [5]).missing).toEqual([5]);
  });

  it('answers as the members are, whatever is learned, moved, replaced, dropped and forgotten in between, with more than a word of segments', () => {
    const uid = fc.integer({ min: 1, max: 70 });
    const contact = fc.integer({ min: 1, max: 12 });
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('read' as const), uids: fc.uniqueArray(uid, { minLength: 1 }) }) },
      { weight: 6, arbitrary: fc.record({ type: fc.constant('flip' as const), uid, contact }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('replace' as const), uid, contact }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('retain' as const), uids: fc.uniqueArray(uid) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), fc.array(contact, { minLength: 1 }), (operations, contacts) => {
        const known = new KnownMembers();
        const everybody = [...new Set(contacts)];
        const truth = new Map<number, Set<number>>();
        const bases = new Map<number, number>();
        const members = (of: number): Set<number> => truth.get(of) ?? truth.set(of, new Set()).get(of) ?? new Set();
        for (const o of operations) {
          if (o.type === 'forget') known.forget();
          else if (o.type === 'retain') known.retain(new Set(o.uids));
          else if (o.type === 'replace') {
            bases.set(o.uid, (bases.get(o.uid) ?? 0) + 1);
            truth.set(o.uid, new Set([o.contact]));
          } else if (o.type === 'flip') {
            const joins = !members(o.uid).has(o.contact);
            if (joins) members(o.uid).add(o.contact);
            else members(o.uid).delete(o.contact);
            known.moved([{ segmentUid: o.uid, joined: joins ? [o.contact] : [], parted: joins ? [] : [o.contact] }]);
          } else {
            const sets = o.uids.map((of) => setOf(of, bases.get(of) ?? 0));
            const found = known.lookUp(sets, everybody);
            const answered = everybody.filter((c) => !found.missing.includes(c));
            for (const of of o.uids) expect([...(found.members.get(of) ?? [])]).toEqual(answered.filter((c) => members(of).has(c)));
            known.learn(sets, found.missing, truth);
          }
        }
      }),
    );
  });

  it('keeps those who are asked for when it is full, and no more than two generations', () => {
    const known = new KnownMembers();
    const sets = [setOf(1, 1)];
    const ids = (from: number, n: number): number[] => Array.from({ length: n }, (_, i) => from + i);
    known.learn(sets, [1, 2], new Map([[1, new Set([1, 2])]]));
    for (let from = 1_000; from < 501_000; from += 10_000) {
      known.learn(sets, ids(from, 10_000), new Map());
      expect(known.lookUp(sets, [1]).members.get(1)).toEqual(new Set([1]));
    }
    expect(known.lookUp(sets, [2]).missing).toEqual([2]);
    expect(known.lookUp(sets, ids(1_000, 500_000)).missing.length).toBeGreaterThan(150_000);
  });
});
