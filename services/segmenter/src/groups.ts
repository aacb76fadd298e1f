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

/** Definitions with the same causes: dependencies that have marks, and contacts who moved in a segment that is referred to. */
type Cause = { definitions: readonly Definition[]; names: readonly string[]; referred: readonly number[]; contacts: readonly number[] };

/** Definitions that are evaluated in one statement, and the contacts who were touched in what they depend on. */
export type Group = { definitions: readonly Definition[]; contacts: readonly number[]; causes: readonly Cause[] };

export type Touches = ReadonlyMap<string, readonly number[]>;
/** Members by uid, of every definition among the contacts of its group. */
export type Stored = ReadonlyMap<number, ReadonlySet<number>>;

/** The statements of a level. */
export function groupsOf(level: readonly Definition[], touched: Touches, moved: ReadonlyMap<string, Flips>): Group[] {
  const separate = folded(causesOf(level, touched, moved)).sort((a, b) => b.contacts.length - a.contacts.length);
  const all = merged(separate);
  if (all.contacts.length <= FEW_CONTACTS) return separate.length === 0 ? [] : [all];
  return separate.length <= MOST_GROUPS ? separate : [...separate.slice(0, MOST_GROUPS - 1), merged(separate.slice(MOST_GROUPS - 1))];
}

function causesOf(level: readonly Definition[], touched: Touches, moved: ReadonlyMap<string, Flips>): Cause[] {
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

/**
 * Definitions that depend on a part of what others depend on share their statement when their contacts are nearly the same: segments with
 * a window, and those without one that count the same events.
 */
function folded(causes: readonly Cause[]): Group[] {
  const all: (Group & { names: ReadonlySet<string> })[] = [];
  const widestFirst = [...causes].sort((a, b) => b.names.length + b.referred.length - (a.names.length + a.referred.length));
  for (const cause of widestFirst) {
    const group: Group = { definitions: cause.definitions, contacts: cause.contacts, causes: [cause] };
    const at = all.findIndex(
      (other) =>
        cause.referred.length === 0 &&
        2 * cause.contacts.length >= other.contacts.length &&
        cause.names.every((name) => other.names.has(name)),
    );
    const other = all[at];
    if (other) all[at] = { names: other.names, ...merged([other, group]) };
    else all.push({ names: new Set(cause.names), ...group });
  }
  return all;
}

export const merged = (groups: readonly Group[]): Group => ({
  definitions: groups.flatMap((g) => g.definitions),
  contacts: [...new Set(groups.flatMap((g) => g.contacts))],
  causes: groups.flatMap((g) => g.causes),
});

/** The contacts of a group for whom at least one of its definitions can have another answer than the stored one. */
export function whoCanMove({ causes }: Group, touched: Touches, stored: Stored): number[] {
  const found = new Set<number>();
  for (const { definitions, names, referred } of causes) {
    for (const id of referred) found.add(id);
    for (const name of names) {
      const contacts = touched.get(name) ?? [];
      const answers = definitions.map(({ tree, row }) => ({ moves: movesBy(tree, name), members: stored.get(row.segment_uid) }));
      if (answers.some(({ moves }) => moves.joins && moves.leaves)) for (const id of contacts) found.add(id);
      else for (const id of contacts) if (answers.some(({ moves, members }) => canMove(moves, members?.has(id) ?? false))) found.add(id);
    }
  }
  return [...found];
}

const canMove = ({ joins, leaves }: Moves, isMember: boolean): boolean => (isMember ? leaves : joins);
