/**
 * Activity: the number of distinct entries of a kind. Tables may hold several copies of an entry until they are merged. What a leaf asks
 * decides how its rows are read:
 *
 *   which rows   raw: conditions on kind and time, which all copies share; FINAL: conditions on what a copy may say differently, because
 *                only the first accepted copy counts
 *   how          any: whether there is one at all is a bitmap over the rows themselves, however many copies; count: per contact, copies
 *                told apart
 *   from where   of everybody, raw entries of a time in the order of times: see {@link liesTogether}
 */
import { type Clock, timeRange } from '../plan/time-range.ts';
import type { TimelineLeaf } from '../schema/leaf.ts';
import { type FilterContext, filtersCondition, inRange } from './filter.ts';
import { conjunction, type Matched, type Pass } from './pass.ts';

/** At least none: there is nothing to read. */
export const matchesEverybody = (leaf: TimelineLeaf): boolean => leaf.count_operator === 'at_least' && leaf.count_value === 0;

/** Whether the leaf tells nothing apart but none and some. */
export function asksForAny({ count_operator, count_value }: TimelineLeaf): boolean {
  return count_operator === 'at_least' ? count_value === 1 : count_value === 0;
}

export const readsFirstCopies = (leaf: TimelineLeaf): boolean => leaf.template_id !== undefined || (leaf.filters?.length ?? 0) > 0;

/**
 * Whether the entries of a leaf are read in the order of their times rather than of their contacts: a month of a year's takes half the time
 * for a count, a third for whether there is any. Counting them needs memory for every contact at once, so only those of a short time are.
 */
export function liesTogether(leaf: TimelineLeaf, clock: Clock): boolean {
  const { from, to } = timeRange(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], clock);
  return from !== null && (asksForAny(leaf) || (to ?? clock.now) - from <= MONTH_MS);
}

const MONTH_MS = 31 * 86_400_000;

/** The entries that the leaf counts: a condition, and the part of it that is about the sort key. Restricts the pass to them. */
function entries(leaf: TimelineLeaf, pass: Pass, context: FilterContext): string {
  const { params } = context;
  const range = timeRange(leaf.timeframe_operator ?? 'anytime', leaf.timeframe_values ?? [], context.clock);
  const key = conjunction([`kind = ${params.text(leaf.kind)}`, inRange('toUnixTimestamp64Milli(occurred_at)', range, params)]);
  const parts = [key];
  if (leaf.template_id !== undefined) parts.push(`template_id != '' AND template_id = ${params.text(leaf.template_id)}`);
  const filters = filtersCondition(leaf.filters ?? [], leaf.filters_operator ?? 'and', context);
  if (filters) parts.push(filters);
  const condition = conjunction(parts);
  pass.restrict(condition, key);
  return condition;
}

/** Contacts who have such an entry, from a pass over rows. */
export function anyActivity(leaf: TimelineLeaf, pass: Pass, context: FilterContext): Matched {
  const condition = entries(leaf, pass, context);
  return { bitmap: pass.bitmap(condition), complement: leaf.count_operator !== 'at_least' };
}

/** Number of entries as an aggregate of a pass per contact. */
export function activityCount(leaf: TimelineLeaf, pass: Pass, context: FilterContext): string {
  const condition = entries(leaf, pass, context);
  if (readsFirstCopies(leaf)) return pass.aggregate(`countIf(${condition})`);
  // The id of an entry counts once per moment; 64 bits of it tell the entries of one contact apart.
  return pass.aggregate(`uniqExactIf(cityHash64(entry, occurred_at), ${condition})`);
}

/** Whether a number of entries matches. None = 0, so `exactly 0` and `at_most n` match contacts without any. */
export function countMatches({ count_operator, count_value: n }: TimelineLeaf, count: string, pass: Pass): Matched {
  if (count_operator === 'at_most') return { bitmap: pass.bitmap(`${count} >= ${n + 1}`), complement: true };
  if (count_operator === 'exactly' && n === 0) return { bitmap: pass.bitmap(`${count} >= 1`), complement: true };
  return { bitmap: pass.bitmap(`${count} ${count_operator === 'exactly' ? '=' : '>='} ${n}`), complement: false };
}
