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
/** Words of a generation, two for every thirty segments of a contact: about 15 MB with what a contact takes besides. */
const MAX_WORDS = 300_000;

type Column = { readonly word: number; readonly bit: number; readonly baseEpoch: number };
/** Of a contact: `known` and `member` of the first thirty positions, of the next thirty, and so on. */
type Words = number[];

export class KnownMembers {
  readonly #columns = new Map<number, Column>();
  #positions = 0;
  #words = 0;
  /** When the younger generation is full it becomes the older one: who is in neither was not looked at for long. */
  #young = new Map<number, Words>();
  #old = new Map<number, Words>();

  /** Members by the segment's uid, among the contacts of whom all answers are known; the others are `missing`. */
  lookUp(sets: readonly SetRef[], contacts: readonly number[]): { members: Map<number, Set<number>>; missing: number[] } {
    const asked = sets.map((set) => ({ column: this.#columns.get(set.segmentUid), set, members: new Set<number>() }));
    const members = new Map(asked.map(({ set, members: found }) => [set.segmentUid, found]));
    const columns: { column: Column; members: Set<number> }[] = [];
    const masks: number[] = [];
    for (const { column, set, members: found } of asked) {
      if (column?.baseEpoch !== set.baseEpoch) return { members, missing: [...contacts] };
      masks[column.word] = (masks[column.word] ?? 0) | column.bit;
      columns.push({ column, members: found });
    }
    const missing = contacts.filter((contact) => {
      const words = this.#wordsOf(contact);
      if (!words || masks.some((mask, word) => ((words[2 * word] ?? 0) & mask) !== mask)) return true;
      for (const { column, members: found } of columns) if ((words[2 * column.word + 1] ?? 0) & column.bit) found.add(contact);
      return false;
    });
    return { members, missing };
  }

  /** @param members by the segment's uid: of all the contacts, in every one of the sets */
  learn(sets: readonly SetRef[], contacts: readonly number[], members: ReadonlyMap<number, ReadonlySet<number>>): void {
    for (const set of sets) {
      const column = this.#columnOf(set);
      const found = members.get(set.segmentUid);
      for (const contact of contacts) this.#note(contact, column, found?.has(contact) ?? false);
    }
  }

  /** Joins and leaves that were committed. */
  moved(flips: readonly Flips[]): void {
    for (const { segmentUid, joined, parted } of flips) {
      const column = this.#columns.get(segmentUid);
      if (!column) continue;
      for (const contact of joined) this.#note(contact, column, true);
      for (const contact of parted) this.#note(contact, column, false);
    }
  }

  /** Somebody else may have written members. */
  forget(): void {
    this.#columns.clear();
    this.#positions = 0;
    this.#age();
    this.#age();
  }

  #columnOf({ segmentUid, baseEpoch }: SetRef): Column {
    const known = this.#columns.get(segmentUid);
    if (known?.baseEpoch === baseEpoch) return known;
    // Positions of sets that were replaced are not used again.
    if (this.#positions >= 2 * this.#columns.size + BITS) this.forget();
    const column = { word: Math.floor(this.#positions / BITS), bit: 1 << (this.#positions % BITS), baseEpoch };
    this.#positions += 1;
    this.#columns.set(segmentUid, column);
    return column;
  }

  #note(contact: number, { word, bit }: Column, isMember: boolean): void {
    const words = this.#wordsOf(contact) ?? this.#keep(contact, []);
    while (words.length <= 2 * word) {
      words.push(0, 0);
      this.#words += 2;
    }
    words[2 * word] = (words[2 * word] ?? 0) | bit;
    words[2 * word + 1] = isMember ? (words[2 * word + 1] ?? 0) | bit : (words[2 * word + 1] ?? 0) & ~bit;
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
    if (this.#words >= MAX_WORDS) this.#age();
    this.#young.set(contact, words);
    this.#words += words.length;
    return words;
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#words = 0;
  }
}
