/** One thing that was looked at, and what is wrong with it. */
export type Check = { name: string; checked: number; faults: string[] };

/** Rows by a key of theirs, in the order given. */
export function grouped<T, K>(rows: Iterable<T>, keyOf: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}
