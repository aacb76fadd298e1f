/**
 * Seeded random numbers without state between items: what item 170,003 looks like follows from the seed and its number alone, so a
 * run can be made again, item by item and in any order, and nothing has to be kept in memory to know what was sent.
 */
export type Random = {
  /** 0 ≤ x < 1 */
  next(): number;
  /** A whole number from 0 to below − 1. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
};

/** The numbers of one item: the same for the same seed, stream and index, unrelated for any other. */
export function random(seed: number, stream: string, index: number): Random {
  // sfc32 would be stronger than needed; mulberry32 over a well mixed start passes for test data and costs nothing.
  let state = mix(mix(hashText(stream) ^ Math.imul(seed, 0x9e3779b1)) ^ Math.imul(index + 1, 0x85ebca6b));
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return { next, int, chance: (probability) => next() < probability, pick: (list) => list[int(list.length)] ?? list[0] };
}

/** Picks a key with the probability that its share of all shares is. */
export function weighted<K extends string>(r: Random, shares: Readonly<Record<K, number>>): K {
  const entries = Object.entries<number>(shares) as [K, number][];
  const total = entries.reduce((sum, [, share]) => sum + share, 0);
  let at = r.next() * total;
  for (const [key, share] of entries) {
    at -= share;
    if (at < 0) return key;
  }
  const last = entries.at(-1);
  if (!last) throw new RangeError('nothing to choose from');
  return last[0];
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finaliser of MurmurHash3: every bit of the input changes half of the output. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
