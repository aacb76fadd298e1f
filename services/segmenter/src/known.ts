/**
 * Members that an evaluator remembers, as of its last committed epoch: of each contact that it looked at lately, in which segments that
 * contact is. Busy contacts are touched in every step, and reading their members again was a fifth of it.
 *
 * An answer is two bits, `known` and `member`, at the position of its segment. A segment whose complete set is another one gets another
 * position, so what was known of the old set is never asked for. Answers hold until `forget`: whoever writes members says who moved.
 */
import type { SetRef } from '@muster/segments';
import type { Flips } from './members.ts';

/** Bits of a small integer, which an array holds without a box. */
const BITS = 30;
/** Of a generation. A contact takes a word of 8 bytes for `known` and one for `member` per thirty segments, and its place. */
const MAX_BYTES = 12_000_000;
const WORD_BYTES = 8;
const PLACE_BYTES = 100;
const MAX_UNUSED = 120;

type Column = { readonly position: number; readonly baseEpoch: number };
/** Of a contact: `known` and `member` of the first thirty positions, of the next thirty, and so on. */
type Words = number[];

const wordOf = (position: number): number => 2 * Math.floor(position / BITS);
const bitOf = (position: number): number => 1 << (position % BITS);

export class KnownMembers {
  readonly #columns = new Map<number, Column>();
  #positions = 0;
  #bytes = 0;
  /** When the younger generation is full it becomes the older one: who is in neither was not looked at for long. */
  #young = new Map<number, Words>();
  #old = new Map<number, Words>();

  /** Members by the segment's uid, among the contacts of whom all answers are known; the others are `missing`. */
  lookUp(sets: readonly SetRef[], contacts: readonly number[]): { members: Map<number, Set<number>>; missing: number[] } {
    const members = new Map(sets.map((set) => [set.segmentUid, new Set<number>()]));
    const byPosition = new Map<number, Set<number>>();
    for (const [segmentUid, found] of members) {
      const column = this.#columns.get(segmentUid);
      if (column) byPosition.set(column.position, found);
    }
    if (sets.some((set) => this.#columns.get(set.segmentUid)?.baseEpoch !== set.baseEpoch)) return { members, missing: [...contacts] };
    const masks = masksOf([...byPosition.keys()]);
    const missing = contacts.filter((contact) => {
      const words = this.#wordsOf(contact);
      if (!words || masks.some(([word, mask]) => ((words[word] ?? 0) & mask) !== mask)) return true;
      for (const [word, mask] of masks)
        for (let bits = (words[word + 1] ?? 0) & mask; bits !== 0; bits &= bits - 1)
          byPosition.get((word / 2) * BITS + 31 - Math.clz32(bits & -bits))?.add(contact);
      return false;
    });
    return { members, missing };
  }

  /** @param members by the segment's uid: of all the contacts, in every one of the sets */
  learn(sets: readonly SetRef[], contacts: readonly number[], members: ReadonlyMap<number, ReadonlySet<number>>): void {
    // Positions of sets that were replaced, or whose segments are gone, are not used again.
    if (this.#positions > 2 * this.#columns.size + MAX_UNUSED) this.forget();
    const positions = new Map(sets.map((set) => [set.segmentUid, this.#positionOf(set)]));
    const masks = masksOf([...positions.values()]);
    for (const contact of contacts) {
      const words = this.#wordsOf(contact) ?? this.#keep(contact, []);
      for (const [word, mask] of masks) {
        this.#widen(words, word);
        words[word] = (words[word] ?? 0) | mask;
        words[word + 1] = (words[word + 1] ?? 0) & ~mask;
      }
    }
    for (const [segmentUid, position] of positions)
      for (const contact of members.get(segmentUid) ?? []) {
        const words = this.#wordsOf(contact);
        if (words) words[wordOf(position) + 1] = (words[wordOf(position) + 1] ?? 0) | bitOf(position);
      }
  }

  /** Joins and leaves that were committed. */
  moved(flips: readonly Flips[]): void {
    for (const { segmentUid, joined, parted } of flips) {
      const column = this.#columns.get(segmentUid);
      if (!column) continue;
      for (const contact of joined) this.#note(contact, column.position, true);
      for (const contact of parted) this.#note(contact, column.position, false);
    }
  }

  /** Nobody asks for the other segments any more. */
  retain(segmentUids: ReadonlySet<number>): void {
    for (const uid of this.#columns.keys()) if (!segmentUids.has(uid)) this.#columns.delete(uid);
  }

  /** Somebody else may have written members. */
  forget(): void {
    this.#columns.clear();
    this.#positions = 0;
    this.#age();
    this.#age();
  }

  #positionOf({ segmentUid, baseEpoch }: SetRef): number {
    const known = this.#columns.get(segmentUid);
    if (known?.baseEpoch === baseEpoch) return known.position;
    const position = this.#positions;
    this.#positions += 1;
    this.#columns.set(segmentUid, { position, baseEpoch });
    return position;
  }

  #note(contact: number, position: number, isMember: boolean): void {
    const [word, bit] = [wordOf(position), bitOf(position)];
    const words = this.#wordsOf(contact) ?? this.#keep(contact, []);
    this.#widen(words, word);
    words[word] = (words[word] ?? 0) | bit;
    words[word + 1] = isMember ? (words[word + 1] ?? 0) | bit : (words[word + 1] ?? 0) & ~bit;
  }

  #widen(words: Words, word: number): void {
    while (words.length <= word + 1) {
      words.push(0);
      this.#bytes += WORD_BYTES;
    }
  }

  /** Who is asked for stays. */
  #wordsOf(contact: number): Words | undefined {
    const words = this.#young.get(contact);
    if (words) return words;
    const older = this.#old.get(contact);
    if (!older) return undefined;
    this.#old.delete(contact);
    return this.#keep(contact, older);
  }

  #keep(contact: number, words: Words): Words {
    if (this.#bytes >= MAX_BYTES) this.#age();
    this.#young.set(contact, words);
    this.#bytes += PLACE_BYTES + WORD_BYTES * words.length;
    return words;
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = 0;
  }
}

/** The bits of positions, by the word of `known` that they are in. */
function masksOf(positions: readonly number[]): [word: number, mask: number][] {
  const masks = new Map<number, number>();
  for (const position of positions) masks.set(wordOf(position), (masks.get(wordOf(position)) ?? 0) | bitOf(position));
  return [...masks];
}
