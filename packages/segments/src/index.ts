/** Segment trees: schema with every fault, plan, and compilation to ClickHouse. */
export * from './compile/params.ts';
export * from './compile/sets.ts';
export * from './compile/tree.ts';
export * from './plan/dependencies.ts';
export * from './plan/time-range.ts';
export * from './schema/columns.ts';
export * from './schema/filter.ts';
export * from './schema/leaf.ts';
export * from './schema/operators.ts';
export * from './schema/tree.ts';
export * from './schema/values.ts';
