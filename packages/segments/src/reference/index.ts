/**
 * The executable form of the specification of segments: which contacts are members of a tree, over plain values. Slow and literal on
 * purpose; it shares nothing with the compiler but the schema, so that one can be held against the other.
 */
export { evaluate } from './evaluate.ts';
export type { Moment, World, WorldContact, WorldCustomEvent, WorldEvent, WorldMembership } from './world.ts';
