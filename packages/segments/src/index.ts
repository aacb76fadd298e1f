/** Segment trees: schema with every fault, plan, compilation to ClickHouse, and the reading of stored members. */
export * from './compile/params.ts';
export * from './compile/sets.ts';
export * from './compile/tree.ts';
export * from './plan/dependencies.ts';
export * from './plan/moves.ts';
export * from './plan/time-range.ts';
export * from './schema/columns.ts';
export * from './schema/filter.ts';
export * from './schema/leaf.ts';
export * from './schema/operators.ts';
export * from './schema/tree.ts';
export * from './schema/values.ts';
export * from './store/current.ts';
export * from './store/members.ts';
export * from './store/preview.ts';
export * from './store/profile.ts';
export { readRows } from './store/statements.ts';
