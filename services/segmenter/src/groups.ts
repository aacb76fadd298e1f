/**
 * Who has to be looked at for which definitions. Each only for what it depends on: of five kinds of events, each with segments of its own,
 * a statement over everybody would read five times as much. And only who can have moved: the busiest contacts have the longest timelines,
 * and have long been wherever doing something often leads.
 */
import { type Moves, movesBy } from '@muster/segments';
import type { Definition } from './definitions.ts';
import type { Flips } from './members.ts';

/** For so few contacts, one statement for all is cheaper than one for each cause. */
const FEW_CONTACTS = 200;
/** Statements of one level; the causes of the fewest contacts share the last. */
const MOST_GROUPS = 8;

/** Definitions that are evaluated in one statement, and for whom. */
export type Group = { definitions: readonly Definition[]; contacts: readonly number[] };

/** Definitions with the same causes: dependencies that have marks, and contacts who moved in a segment that is referred to. */
export type Concerned = Group & { names: readonly string[]; referred: readonly number[] };

export type Touches = ReadonlyMap<string, readonly number[]>;

export function concerned(level: readonly Definition[], touched: Touches, moved: ReadonlyMap<string, Flips>): Concerned[] {
  const groups = new Map<string, { definitions: Definition[]; names: string[]; refersTo: string[] }>();
  for (const definition of level) {
    const names = [...touched.keys()].filter((name) => definition.dependencies.names.has(name));
    const refersTo = definition.refersTo.filter((id) => moved.has(id));
    if (names.length + refersTo.length === 0) continue;
    const key = JSON.stringify([names, refersTo]);
    const group = groups.get(key) ?? { definitions: [], names, refersTo };
    group.definitions.push(definition);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ definitions, names, refersTo }) => {
    const referred = refersTo.flatMap((id) => [...(moved.get(id)?.joined ?? []), ...(moved.get(id)?.parted ?? [])]);
    const contacts = [...new Set([...names.flatMap((name) => touched.get(name) ?? []), ...referred])];
    return { definitions, names, referred, contacts };
  });
}

/** What is to be evaluated, with at most so many statements. `stored` has the members of every definition among the contacts. */
export function toEvaluate(groups: readonly Concerned[], touched: Touches, stored: ReadonlyMap<number, ReadonlySet<number>>): Group[] {
  const separate = folded(groups.map((group) => ({ ...group, contacts: whoCanMove(group, touched, stored) })))
    .filter(({ contacts }) => contacts.length > 0)
    .sort((a, b) => b.contacts.length - a.contacts.length);
  const all = merged(separate);
  if (all.contacts.length <= FEW_CONTACTS) return separate.length === 0 ? [] : [all];
  return separate.length <= MOST_GROUPS ? separate : [...separate.slice(0, MOST_GROUPS - 1), merged(separate.slice(MOST_GROUPS - 1))];
}

/**
 * Definitions that depend on a part of what others depend on share their statement: segments with a window, and those without one that count
 * the same events, have the same contacts but for a few whose window has just ended.
 */
function folded(groups: readonly Concerned[]): Group[] {
  const all: (Group & { names: ReadonlySet<string> })[] = [];
  const largestFirst = [...groups].sort((a, b) => b.names.length + b.referred.length - (a.names.length + a.referred.length));
  for (const { names, referred, ...group } of largestFirst) {
    const at = referred.length > 0 ? -1 : all.findIndex((other) => names.every((name) => other.names.has(name)));
    const other = all[at];
    if (other) all[at] = { names: other.names, ...merged([other, group]) };
    else all.push({ names: new Set(names), ...group });
  }
  return all;
}

/** The contacts of a group for whom at least one of its definitions can have another answer than the stored one. */
function whoCanMove(
  { definitions, names, referred }: Concerned,
  touched: Touches,
  stored: ReadonlyMap<number, ReadonlySet<number>>,
): number[] {
  const found = new Set(referred);
  for (const name of names) {
    const contacts = touched.get(name) ?? [];
    const answers = definitions.map(({ tree, row }) => ({ moves: movesBy(tree, name), members: stored.get(row.segment_uid) }));
    if (answers.some(({ moves }) => moves.joins && moves.leaves)) for (const id of contacts) found.add(id);
    else for (const id of contacts) if (answers.some(({ moves, members }) => canMove(moves, members?.has(id) ?? false))) found.add(id);
  }
  return [...found];
}

const canMove = ({ joins, leaves }: Moves, isMember: boolean): boolean => (isMember ? leaves : joins);

export const merged = (groups: readonly Group[]): Group => ({
  definitions: groups.flatMap((g) => g.definitions),
  contacts: [...new Set(groups.flatMap((g) => g.contacts))],
});
