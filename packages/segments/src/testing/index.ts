/** Arbitraries for fast-check: small worlds, valid trees that say something about them, and moments at which to ask. */
export { type Case, type CaseOptions, caseArbitrary } from './case.ts';
export { momentsOf, nowArbitrary } from './now.ts';
export { LIST_IDS, NOWS, SEGMENT_IDS, TIMEZONES } from './pools.ts';
export { type TreeOptions, treeArbitrary } from './tree.ts';
export { type WorldOptions, worldArbitrary } from './world.ts';
