/** Commits by author and year. Authors and years are few, however long the history is. */
import { bump } from '../day/expectation.ts';
import { authorKey } from './items.ts';

export class Tally {
  readonly authors = new Map<string, Map<string, number>>();

  add(author: string, year: string, n = 1): void {
    const years = this.authors.get(author) ?? new Map<string, number>();
    this.authors.set(author, years);
    bump(years, year, n);
  }

  /** Counts of the addresses as written in the commits, with all spellings of one address taken together. */
  static ofRaw(raw: ReadonlyMap<string, ReadonlyMap<string, number>>): Tally {
    const tally = new Tally();
    for (const [email, years] of raw) for (const [year, n] of years) tally.add(authorKey(email).key, year, n);
    return tally;
  }

  of(author: string): number {
    return sum(this.authors.get(author)?.values() ?? []);
  }

  byAuthor(): Map<string, number> {
    return new Map([...this.authors].map(([author, years]) => [author, sum(years.values())]));
  }

  byYear(): Map<string, number> {
    const total = new Map<string, number>();
    for (const years of this.authors.values()) for (const [year, n] of years) bump(total, year, n);
    return total;
  }

  get total(): number {
    return sum(this.byAuthor().values());
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const n of values) total += n;
  return total;
}
