/** A whole question: a world, a tree, and the moment of asking, all around one anchor. */
import fc from 'fast-check';
import type { Moment, World } from '../reference/world.ts';
import type { Node } from '../schema/tree.ts';
import { choiceArbitrary, resolved } from './now.ts';
import { NOWS, SEGMENT_IDS, TIMEZONES } from './pools.ts';
import { treeArbitrary } from './tree.ts';
import { worldArbitrary } from './world.ts';

export type Case = { world: World; tree: Node; at: Moment };

export type CaseOptions = {
  /** Default: one of {@link NOWS}. */
  anchor?: number;
  /** Default: one of {@link TIMEZONES}. */
  timezone?: string;
};

export function caseArbitrary(options: CaseOptions = {}): fc.Arbitrary<Case> {
  const anchors = options.anchor === undefined ? NOWS : [options.anchor];
  const timezones = options.timezone === undefined ? TIMEZONES : [options.timezone];
  return fc.tuple(fc.constantFrom(...anchors), fc.constantFrom(...timezones)).chain(([anchor, timezone]) =>
    fc
      .record({
        world: worldArbitrary({ anchor }),
        tree: treeArbitrary({ anchor, timezone, segments: SEGMENT_IDS }),
        choice: choiceArbitrary,
      })
      .map(
        ({ world, tree, choice }): Case => ({
          world,
          tree,
          at: { now: resolved(choice, world, tree, { now: anchor, timezone }), timezone },
        }),
      ),
  );
}
