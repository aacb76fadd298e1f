/** Figures that Muster reports beside those that the producer knows; the run fails when any two differ. */
import { columns, number } from './output.ts';

export type Figure = number | bigint | string;
export type Check = { name: string; sent: Figure; found: Figure };

export class Checks {
  readonly #all: Check[] = [];

  compare(name: string, sent: Figure, found: Figure): void {
    this.#all.push({ name, sent, found });
  }

  /** Compares counts key by key, keys of either side. */
  compareCounts(prefix: string, sent: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): void {
    for (const key of [...new Set([...sent.keys(), ...found.keys()])].sort()) {
      this.compare(`${prefix}${key}`, sent.get(key) ?? 0, found.get(key) ?? 0);
    }
  }

  get count(): number {
    return this.#all.length;
  }

  get wrong(): Check[] {
    return this.#all.filter(({ sent, found }) => sent !== found);
  }

  /** A table of checks by name prefix: what was sent, what was found, and whether that is the same. */
  table(head: readonly [string, string, string], prefix: string): string[] {
    const rows = this.#all.filter(({ name }) => name.startsWith(prefix));
    const cells = rows.map(({ name, sent, found }) => [
      name.slice(prefix.length),
      show(sent),
      show(found),
      sent === found ? 'ok' : 'DIFFERS',
    ]);
    return columns([[...head, ''], ...cells]);
  }

  /** What a person reads at the end. */
  verdict(): string[] {
    const { wrong } = this;
    if (wrong.length === 0) return [`All ${this.count} figures agree.`];
    const lines = wrong.map(({ name, sent, found }) => `  ${name}: expected ${show(sent)}, found ${show(found)}`);
    return [`${wrong.length} of ${this.count} figures disagree:`, ...lines];
  }
}

function show(figure: Figure): string {
  return typeof figure === 'string' ? figure : number(figure);
}
