/** Valid trees: mostly one leaf or a few, seldom as deep as trees may be. */
import fc from 'fast-check';
import { MAX_DEPTH, type Node } from '../schema/tree.ts';
import { type LeafOptions, leafArbitrary } from './leaves.ts';
import { NOWS, SEGMENT_IDS } from './pools.ts';

export type TreeOptions = {
  /** ms; the dates of the tree lie around it. Default: the first of {@link NOWS}. */
  anchor?: number;
  /** The segment's, in which bare dates are read. Default: UTC. */
  timezone?: string;
  /** Segments that leaves may refer to; default: all of {@link SEGMENT_IDS}. */
  segments?: readonly string[];
};

/** A tree that the schema accepts for that timezone. */
export function treeArbitrary(options: TreeOptions = {}): fc.Arbitrary<Node> {
  const { anchor = NOWS[0] as number, timezone = 'UTC', segments = SEGMENT_IDS } = options;
  const chosen: LeafOptions = { anchor, timezone, segments };
  const leaf = leafArbitrary(chosen).map((inner): Node => ({ kind: 'leaf', leaf: inner }));
  const flat = branchArbitrary(leaf, 4);
  const nested = branchArbitrary(fc.oneof({ weight: 2, arbitrary: leaf }, { weight: 1, arbitrary: flat }), 3);
  return fc.oneof(
    { weight: 10, arbitrary: leaf },
    { weight: 6, arbitrary: flat },
    { weight: 3, arbitrary: nested },
    { weight: 1, arbitrary: fc.tuple(nested, fc.array(operatorArbitrary, { minLength: 1, maxLength: MAX_DEPTH - 2 })).map(wrapped) },
  );
}

const operatorArbitrary = fc.constantFrom('and' as const, 'or' as const, 'none' as const);

type Operator = 'and' | 'or' | 'none';

function branchArbitrary(child: fc.Arbitrary<Node>, max: number): fc.Arbitrary<Node> {
  const several = fc.array(child, { minLength: 2, maxLength: max, size: 'max' });
  const leaves = fc.oneof({ weight: 1, arbitrary: fc.tuple(child) }, { weight: 4, arbitrary: several });
  return fc.tuple(operatorArbitrary, leaves).map(([operator, all]): Node => {
    // Of three conditions hardly anybody meets all.
    return { kind: 'branch', branch: { operator, leaves: operator === 'and' ? all.slice(0, 2) : all } };
  });
}

/** Branches of one child each around a tree. */
function wrapped([tree, operators]: [Node, Operator[]]): Node {
  return operators.reduce((inner: Node, operator): Node => ({ kind: 'branch', branch: { operator, leaves: [inner] } }), tree);
}
