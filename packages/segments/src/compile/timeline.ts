/**
 * Activity: the number of distinct entries of a kind. Tables may hold several copies of an entry until they are merged:
 *
 *   raw     conditions on kind and time, which all copies share: copies are told apart by their key, without reading FINAL
 *   first   conditions on what a copy may say differently: only the first accepted copy counts, so FINAL is read
 */
import { timeRange } from '../plan/time-range.ts';
import type { TimelineLeaf } from '../schema/leaf.ts';
import { type FilterContext, filtersCondition, inRange } from './filter.ts';
import { conjunction, type Matched } from './goal.ts';
import type { Pass } from './pass.ts';

export const readsFirstCopies = (leaf: TimelineLeaf): boolean => leaf.template_id !== undefined || (leaf.filters?.length ?? 0) > 0;

/** Number of entries as an aggregate of the pass; where only "any" matters, copies need not be told apart. */
export function activityCount(leaf: TimelineLeaf, pass: Pass, context: FilterContext): string {
  const { params } = context;
  const kind = `kind = ${params.text(leaf.kind)}`;
  pass.restrict(kind);
  const range = timeRange(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], context.clock);
  const parts = [kind, inRange('toUnixTimestamp64Milli(occurred_at)', range, params)];
  if (leaf.template_id !== undefined) parts.push(`template_id != '' AND template_id = ${params.text(leaf.template_id)}`);
  const filters = filtersCondition(leaf.filters ?? [], leaf.filters_operator ?? 'and', context);
  if (filters) parts.push(filters);
  const condition = conjunction(parts);
  if (readsFirstCopies(leaf) || thresholdOf(leaf) <= 1) return pass.aggregate(`countIf(${condition})`);
  // The id of an entry counts once per moment; 64 bits of it tell the entries of one contact apart.
  return pass.aggregate(`uniqExactIf(cityHash64(id, occurred_at), ${condition})`);
}

/** The largest number that the leaf tells from the one below it. */
function thresholdOf({ count_operator, count_value }: TimelineLeaf): number {
  return count_operator === 'at_least' ? count_value : count_value + 1;
}

/** Whether a number of entries matches. None = 0, so `exactly 0` and `at_most n` match contacts without any. */
export function countMatches(leaf: TimelineLeaf, count: string, pass: Pass, everybody: string): Matched {
  const { count_operator, count_value: n } = leaf;
  const atLeast = (k: number) => pass.bitmap(`${count} >= ${k}`);
  if (count_operator === 'at_most') return { bitmap: atLeast(n + 1), complement: true };
  if (n === 0) return count_operator === 'exactly' ? { bitmap: atLeast(1), complement: true } : { bitmap: everybody, complement: false };
  return { bitmap: count_operator === 'exactly' ? pass.bitmap(`${count} = ${n}`) : atLeast(n), complement: false };
}
