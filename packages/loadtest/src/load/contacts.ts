/** Chooses contacts 0 … count − 1: all alike, or by Zipf's law (contact k with a share of 1 / (k + 1)^skew). */
import type { Random } from '../random.ts';

export type ContactPicker = (random: Random) => number;

export function contactPicker(count: number, skew: number): ContactPicker {
  if (skew === 0) return (random) => random.int(count);
  // Cumulative shares, searched in halves: 8 bytes a contact, and exact for every exponent.
  const upTo = new Float64Array(count);
  let total = 0;
  for (let k = 0; k < count; k += 1) {
    total += (k + 1) ** -skew;
    upTo[k] = total;
  }
  return (random) => firstAbove(upTo, random.next() * total);
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
