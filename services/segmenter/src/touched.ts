/**
 * Touched contacts: the segments that depend on what changed are evaluated for them, and what differs from the stored members is a join or
 * a leave. A segment that refers to others comes after them and sees what they found in the same step: who stays in it makes no entry.
 */
import { tooHeavy } from '@muster/clickhouse';
import { localDayOf } from '@muster/domain';
import type { Marks } from '@muster/queues';
import type { SetRef } from '@muster/segments';
import { type Definition, type Definitions, isMoving, setOf } from './definitions.ts';
import type { Deps } from './deps.ts';
import { type Group, groupsOf, merged, type Stored, whoCanMove } from './groups.ts';
import { compareMembers, evaluateContacts, existing, type Flips, type Moment, storedMembers, withPending } from './members.ts';
import { type Findings, isLatest, type StepContext } from './state.ts';
import { reasonOf } from './statements.ts';

export type Evaluated = Pick<Findings, 'moves' | 'flips' | 'failures'>;

/** Pairs of segment and contact that one reading may have for one that is wanted: five kinds of events with a few segments each have five. */
const MOST_EXTRA = 6;
/** A statement about more contacts than this that exceeds its limits is split before a segment is blamed. */
const SPLIT_ABOVE = 1_000;

/** @param signal nobody wants to know any more: no further group is evaluated */
export async function evaluateTouched(
  deps: Deps,
  context: StepContext,
  moving: readonly Definition[],
  taken: readonly Marks[],
  signal: AbortSignal,
): Promise<Evaluated> {
  const found: Evaluated = { moves: [], flips: [], failures: [] };
  const touched = new Map(taken.filter((m) => m.contacts.length > 0).map((m) => [m.dependency, m.contacts.map((c) => c.id)]));
  if (touched.size === 0) return found;
  const moved = new Map<string, Flips>();
  for (const level of levels(moving, context.definitions)) {
    const moment: Moment = { ...context, sets: withPending(context.sets, found.flips) };
    const groups = groupsOf(level, touched, moved);
    const stored = await storedOf(deps, context, groups, signal);
    for (const group of groups) {
      if (signal.aborted) return found;
      const { definitions } = group;
      const contacts = whoCanMove(group, touched, stored);
      if (contacts.length === 0) continue;
      const fresh = await evaluateEach(deps, definitions, contacts, moment, found);
      for (const definition of definitions) {
        const members = fresh.get(definition.row.segment_uid);
        if (!members) continue;
        const changes = compareMembers(contacts, members, stored.get(definition.row.segment_uid) ?? new Set());
        const flips = note(context, definition, changes, found);
        if (flips) moved.set(definition.row.segment_id, flips);
      }
    }
  }
  await expelErased(deps, context, touched.get('contact') ?? [], found);
  return found;
}

/**
 * Stored members of every group, in one reading when the groups have most contacts in common: reading the log for each of them cost as much as
 * evaluating. A single new contact concerns every segment: then each group is read by itself, or all segments would be read for everybody.
 */
async function storedOf(deps: Deps, context: StepContext, groups: readonly Group[], signal: AbortSignal): Promise<Stored> {
  const everybody = merged(groups);
  const pairs = ({ definitions, contacts }: Group) => definitions.length * contacts.length;
  const apart = groups.reduce((n, group) => n + pairs(group), 0);
  const stored = new Map<number, ReadonlySet<number>>();
  for (const group of pairs(everybody) > MOST_EXTRA * apart ? groups : [everybody])
    for (const [uid, members] of await storedIn(deps, context, group, signal)) stored.set(uid, members);
  return stored;
}

/** Remembered or read. What is read too late to be of use may be older than what a later step has written: it is not remembered. */
async function storedIn(deps: Deps, context: StepContext, { definitions, contacts }: Group, signal: AbortSignal): Promise<Stored> {
  const { known } = context.memory;
  const sets = setsOf(definitions, context);
  const { members, missing } = known.lookUp(sets, contacts);
  if (missing.length === 0) return members;
  const read = await storedMembers(deps, context.workspaceId, sets, missing);
  if (!signal.aborted && isLatest(context)) known.learn(sets, missing, read);
  for (const [uid, found] of read) for (const contact of found) members.get(uid)?.add(contact);
  return members;
}

const setsOf = (definitions: readonly Definition[], { step }: StepContext): SetRef[] =>
  definitions.flatMap((d) => setOf(d.row, step) ?? []);

/** Records joins and leaves; null when there are none. */
function note({ now }: StepContext, { row }: Definition, moved: Omit<Flips, 'segmentUid'>, found: Evaluated): Flips | null {
  if (moved.joined.length + moved.parted.length === 0) return null;
  const flips = { segmentUid: row.segment_uid, ...moved };
  found.flips.push(flips);
  const day = localDayOf(row.timezone, now);
  found.moves.push({ segmentUid: row.segment_uid, day, joins: moved.joined.length, leaves: moved.parted.length });
  return flips;
}

/** Those that refer to no other first, then those that refer to them, and so on. The schema lets no cycle through. */
function levels(moving: readonly Definition[], definitions: Definitions): Definition[][] {
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    const refersTo = definitions.byId.get(id)?.refersTo ?? [];
    const depth = refersTo.length === 0 ? 0 : 1 + Math.max(...refersTo.map(depthOf));
    depths.set(id, depth);
    return depth;
  };
  const all: Definition[][] = [];
  for (const definition of moving) {
    const depth = depthOf(definition.row.segment_id);
    while (all.length <= depth) all.push([]);
    all[depth]?.push(definition);
  }
  return all;
}

/** All in one statement; when that takes too much, in halves; when it fails for what a segment asks, each by itself, so that one never holds up another. */
async function evaluateEach(
  deps: Deps,
  definitions: readonly Definition[],
  contacts: readonly number[],
  moment: Moment,
  found: Evaluated,
): Promise<Map<number, Set<number>>> {
  try {
    return await evaluateContacts(deps, definitions, contacts, moment);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    if (tooHeavy(error) !== null && contacts.length > SPLIT_ABOVE) {
      const half = Math.ceil(contacts.length / 2);
      const first = await evaluateEach(deps, definitions, contacts.slice(0, half), moment, found);
      const second = await evaluateEach(deps, definitions, contacts.slice(half), moment, found);
      // Who failed in one half has no answer at all.
      return new Map(
        [...first].flatMap(([uid, members]) => {
          const others = second.get(uid);
          return others ? [[uid, new Set([...members, ...others])] as const] : [];
        }),
      );
    }
    const [only] = definitions;
    if (definitions.length === 1 && only) {
      if (!found.failures.some((f) => f.segmentUid === only.row.segment_uid))
        found.failures.push({ segmentUid: only.row.segment_uid, version: only.row.version, error: `tree: ${reason}` });
      return new Map();
    }
  }
  const all = new Map<number, Set<number>>();
  for (const definition of definitions)
    for (const [uid, members] of await evaluateEach(deps, [definition], contacts, moment, found)) all.set(uid, members);
  return all;
}

/** An erased contact leaves the segments, too, that do not move at the moment: they failed, or wait for another version's build. */
async function expelErased(deps: Deps, context: StepContext, contacts: readonly number[], found: Evaluated): Promise<void> {
  const resting = context.definitions.live.filter((d) => d.row.base_epoch !== null && !isMoving(d));
  if (contacts.length === 0 || resting.length === 0) return;
  const alive = await existing(deps, context.workspaceId, contacts);
  const erased = contacts.filter((c) => !alive.has(c));
  const stored = await storedMembers(deps, context.workspaceId, setsOf(resting, context), erased);
  for (const definition of resting)
    note(context, definition, { joined: [], parted: erased.filter((c) => stored.get(definition.row.segment_uid)?.has(c)) }, found);
}
