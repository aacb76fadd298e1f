/**
 * Which way a change can move a contact. A timeline only grows: a new entry of a kind cannot take away a count that was reached, so who is
 * in a segment for having done something often enough stays in it, and nobody has to read how often that was.
 */

import { readsFirstCopies } from '../compile/timeline.ts';
import { CUSTOM_KIND_PREFIX, type Leaf, type TimelineLeaf } from '../schema/leaf.ts';
import type { Node } from '../schema/tree.ts';
import { namesOf } from './dependencies.ts';
import { edgeOffsets } from './time-range.ts';

export type Moves = { joins: boolean; leaves: boolean };

/** In shorter windows an entry can come to its end while it is still being stored; see {@link movesBy}. */
const SHORT_MS = 300_000;

const NEITHER: Moves = { joins: false, leaves: false };
const BOTH: Moves = { joins: true, leaves: true };

/**
 * How a contact's membership can change by what a dependency's mark tells of, at one and the same moment. That windows move on is told by
 * marks of their own, as is that a contact is erased.
 *
 * Whoever looks for the ends of windows may miss one that passes while only one order of the timeline has the entry. So entries that are old by
 * the time they are stored are marked by their window, too (`window:kind:<kind>`), and a window that a fresh entry leaves soon is no reason
 * to leave anybody out.
 */
export function movesBy(node: Node, dependency: string): Moves {
  if (node.kind === 'leaf') return ofLeaf(node.leaf, dependency);
  const { operator, leaves } = node.branch;
  const moves = leaves.map((child) => movesBy(child, dependency)).reduce(either, NEITHER);
  return operator === 'none' ? { joins: moves.leaves, leaves: moves.joins } : moves;
}

const either = (a: Moves, b: Moves): Moves => ({ joins: a.joins || b.joins, leaves: a.leaves || b.leaves });

function ofLeaf(leaf: Leaf, dependency: string): Moves {
  if (!dependency.startsWith('kind:')) return BOTH;
  if (!namesOf(leaf).includes(dependency)) return NEITHER;
  // Custom events are changed and deleted; of what a copy says differently, an earlier one that comes late changes the answer.
  if (leaf.source !== 'contact_timeline' || dependency.startsWith(`kind:${CUSTOM_KIND_PREFIX}`)) return BOTH;
  const { count_operator, count_value } = leaf.contact_timeline;
  if (endsSoon(leaf.contact_timeline) || readsFirstCopies(leaf.contact_timeline) || (count_operator === 'exactly' && count_value > 0))
    return BOTH;
  return count_operator === 'at_least' ? { joins: true, leaves: false } : { joins: false, leaves: true };
}

function endsSoon({ timeframe_operator, timeframe_values }: TimelineLeaf): boolean {
  const offsets = edgeOffsets(timeframe_operator ?? 'anytime', timeframe_values ?? []);
  return offsets.length > 0 && Math.max(...offsets) < SHORT_MS;
}
