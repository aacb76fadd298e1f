/** The few statistics that figures are made of: medians, because one disturbed round must not move the result. */

/** The middle value and the extremes. */
export type Spread = { median: number; min: number; max: number };

/** @throws RangeError when there are no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError('no values to take the median of');
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return (lower + upper) / 2;
}

/** The value that a share `q` of the values does not exceed. @throws RangeError when there are no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('no values to take a quantile of');
  return found;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Ratios round by round: what slows the whole machine for a while slows both sides of a round. */
export function ratios(pairs: readonly { readonly system: number; readonly baseline: number }[]): Spread {
  return spread(pairs.map(({ system, baseline }) => system / baseline));
}

/** Medians of each key over records that need not have the same keys. */
export function mediansByKey(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return Object.fromEntries(keys.map((key) => [key, median(records.flatMap((record) => record[key] ?? []))]));
}
