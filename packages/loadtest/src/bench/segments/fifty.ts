/** B5's fifty segments: each of five kinds of event concerns ten of them, with other counts and windows. */
import type { NamedTree } from './definitions.ts';
import { activity, type Count, type Tree } from './trees.ts';
import { KIND_SHARES, type Kind } from './writers.ts';

type Variant = readonly [count: Count, value: number, days: number | null];

/** The first is the one that a probe joins with its first event. */
const VARIANTS: readonly Variant[] = [
  ['at_least', 1, 7],
  ['at_least', 1, 1],
  ['at_least', 2, 7],
  ['at_least', 2, 30],
  ['at_least', 3, 30],
  ['at_least', 5, 90],
  ['exactly', 0, 30],
  ['at_most', 2, 90],
  ['at_least', 10, 365],
  ['at_least', 20, null],
];

/** Of this kind one window is so short that probes leave again. Its events are few: the others' windows end days later. */
export const EDGE_KIND: Kind = 'unsubscribe_email';
const EDGE_AT = 1;

export const KINDS = Object.keys(KIND_SHARES) as Kind[];
export const segmentOf = (kind: Kind): string => `bench_${kind}_0`;
export const EDGE_SEGMENT = `bench_${EDGE_KIND}_${EDGE_AT}`;

export function fiftySegments(edgeDays: number): NamedTree[] {
  return KINDS.flatMap((kind) =>
    VARIANTS.map(([count, value, days], n): NamedTree => {
      const edge = kind === EDGE_KIND && n === EDGE_AT;
      const tree: Tree = activity(kind, count, value, edge ? edgeDays : days);
      return { id: `bench_${kind}_${n}`, tree };
    }),
  );
}
