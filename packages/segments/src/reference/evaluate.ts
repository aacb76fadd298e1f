/**
 * Who is in a segment: a tree asked of one contact after the other.
 *
 * Trees are taken to be valid ({@link parseTree}): a reference to an unknown segment throws, and a cycle does not end.
 */
import type { Leaf, ListLeaf, SegmentLeaf } from '../schema/leaf.ts';
import type { Node } from '../schema/tree.ts';
import { matchesFilter, type Row } from './filter.ts';
import { matchesGoal } from './goal.ts';
import { matchesActivity } from './timeline.ts';
import type { Moment, World, WorldContact } from './world.ts';

/**
 * The ids of the contacts that are members. Events and memberships of contacts that are not in `world.contacts` count for nobody.
 *
 * @throws RangeError when the tree is not one that the schema accepts
 */
export function evaluate(tree: Node, world: World, at: Moment): Set<number> {
  return new Set(world.contacts.filter((contact) => matches(tree, contact, world, at)).map((contact) => contact.contact_id));
}

function matches(node: Node, contact: WorldContact, world: World, at: Moment): boolean {
  if (node.kind === 'leaf') return matchesLeaf(node.leaf, contact, world, at);
  const { operator, leaves } = node.branch;
  switch (operator) {
    case 'and':
      return leaves.every((child) => matches(child, contact, world, at));
    case 'or':
      return leaves.some((child) => matches(child, contact, world, at));
    case 'none':
      return !leaves.some((child) => matches(child, contact, world, at));
  }
}

function matchesLeaf(leaf: Leaf, contact: WorldContact, world: World, at: Moment): boolean {
  switch (leaf.source) {
    case 'contacts':
      return leaf.contact.filters.every((filter) => matchesFilter(filter, rowOf(contact), at));
    case 'contact_lists':
      return matchesList(leaf.contact_list, contact, world);
    case 'contact_timeline':
      return matchesActivity(leaf.contact_timeline, contact.contact_id, world, at);
    case 'segments':
      return matchesSegment(leaf.segment, contact, world, at);
    case 'custom_events_goals':
      return matchesGoal(leaf.custom_events_goal, contact.contact_id, world, at);
  }
}

function rowOf({ email, external_id, created_at, updated_at, fields }: WorldContact): Row {
  return { ...fields, email, external_id, created_at, updated_at };
}

/** `in`: has a membership that is not removed, of the status when one is named. `not_in`: its complement. */
function matchesList({ operator, list_id, status }: ListLeaf, { contact_id }: WorldContact, { memberships }: World): boolean {
  const isIn = memberships.some(
    (membership) =>
      membership.contact_id === contact_id &&
      membership.list_id === list_id &&
      !membership.removed &&
      (status === undefined || membership.status === status),
  );
  return operator === 'in' ? isIn : !isIn;
}

/** The other segment is asked at the same instant, with days of its own timezone. */
function matchesSegment({ operator, segment_id }: SegmentLeaf, contact: WorldContact, world: World, at: Moment): boolean {
  const segment = world.segments.get(segment_id);
  if (segment === undefined) throw new RangeError(`there is no segment ${segment_id}`);
  const isIn = matches(segment.tree, contact, world, { now: at.now, timezone: segment.timezone });
  return operator === 'in' ? isIn : !isIn;
}
