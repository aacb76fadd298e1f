/** Starts the builds that are wanted and switches to those that are staged. Part of a step. */
import { localDayOf } from '@muster/domain';
import type { SegmentRow } from '@muster/postgres';
import { markedAmong, touch } from '@muster/queues';
import { FIRST, movesBy } from '@muster/segments';
import { type Build, compareSet, isAskedFor, MAX_REPLAY, movedBy, movesSince, type SetParts, startBuild, storeSet } from './build.ts';
import { canEvaluate, type Definition, setOf } from './definitions.ts';
import type { Deps } from './deps.ts';
import { crossed, dayBegan } from './edges.ts';
import { evaluateContacts, withPending } from './members.ts';
import type { Findings, StepContext } from './state.ts';
import { reasonOf } from './statements.ts';

/** Builds of one workspace under way at once: while one is being switched to, the next ones are read. */
const AT_ONCE = 4;
/** Contacts that an audit looks at again before it calls them drift, and how often. */
const AUDIT_CONTACTS = MAX_REPLAY / 2;
const AUDIT_TRIES = 20;
/** With more moves than this in its log, an audited set is stored anew. */
const MANY_MOVES = 20_000;
/** Above this, dependent segments are computed anew instead of contact by contact. */
const MANY_MOVED = 50_000;

export async function settleBuilds(deps: Deps, context: StepContext, found: Findings): Promise<void> {
  const { definitions, memory } = context;
  for (const row of definitions.unreadable)
    if (row.status !== 'failed')
      found.failures.push({ segmentUid: row.segment_uid, version: row.version, error: 'tree: this version cannot read it' });
  for (const row of definitions.deleted) if (!row.unlogged) await empty(deps, context, row, found);
  for (const build of [...memory.builds.values()]) {
    if (isOutdated(build, context)) memory.builds.delete(build.definition.row.segment_uid);
    else if (build.outcome !== null) await settle(deps, context, build, found);
  }
  // What these rows wanted has just been done, though they still say so: a second build would hide what an audit finds after it.
  startBuilds(deps, context, new Set([...found.switches, ...found.audits, ...found.failures].map((s) => s.segmentUid)));
}

/** Starts as many of the builds that are wanted as may run at once, but for those that this step has settled. */
export function startBuilds(deps: Deps, context: StepContext, settled: ReadonlySet<number>): void {
  const { definitions, memory } = context;
  for (const definition of definitions.live) {
    if (memory.builds.size >= AT_ONCE || deps.stopping()) return;
    const { build_reason, segment_uid, unlogged } = definition.row;
    // A set whose log is incomplete is the base of its log: it is completed first.
    if (build_reason === null || unlogged || memory.builds.has(segment_uid) || settled.has(segment_uid)) continue;
    if (!canEvaluate(definition, definitions)) continue;
    memory.builds.set(segment_uid, startBuild(deps, definition, context));
    if (isAskedFor(definition.row)) memory.builtAt = performance.now();
  }
}

/** The definition changed or went, or too much happened meanwhile: what was read is of no use. */
function isOutdated(build: Build, { definitions }: StepContext): boolean {
  const { row } = build.definition;
  const now = definitions.byId.get(row.segment_id)?.row;
  if (!now || now.segment_uid !== row.segment_uid || now.version !== row.version) return true;
  return build.outcome?.state === 'broken' || build.spoiled || build.replay.size > MAX_REPLAY;
}

async function settle(deps: Deps, context: StepContext, build: Build, found: Findings): Promise<void> {
  const { row } = build.definition;
  const { memory } = context;
  if (build.outcome?.state === 'failed') {
    found.failures.push({ segmentUid: row.segment_uid, version: row.version, error: build.outcome.error });
    memory.builds.delete(row.segment_uid);
    return;
  }
  try {
    const ended = await switchTo(deps, context, build, found);
    if (!ended) return;
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    found.failures.push({ segmentUid: row.segment_uid, version: row.version, error: `tree: ${reason}` });
  }
  memory.builds.delete(row.segment_uid);
  deps.metrics.buildSeconds.observe({ reason: row.build_reason ?? 'requested' }, (performance.now() - build.startedAt) / 1_000);
}

/** False when an audit has to look once more. */
async function switchTo(deps: Deps, context: StepContext, build: Build, found: Findings): Promise<boolean> {
  const { workspaceId, step, now, definitions } = context;
  // The row as it is now: its set may have moved on since the build began.
  const definition = definitions.byId.get(build.definition.row.segment_id) ?? build.definition;
  const { row } = definition;
  if (dayBegan([definition], build.now, now).length > 0) {
    // Another day's anniversaries: nobody's evaluation stands.
    build.spoiled = true;
    return false;
  }
  for (const ids of (await crossed(deps, workspaceId, definition.dependencies.windows, build.now, now)).values())
    if (ids !== 'all') for (const id of ids) build.replay.add(id);
  if (build.replay.size > MAX_REPLAY) {
    build.spoiled = true;
    return false;
  }
  const replayed = [...build.replay];
  // With the moves of this very step: no mark will tell of them later.
  const moment = { ...context, sets: withPending(context.sets, found.flips) };
  const members =
    replayed.length === 0 ? [] : [...((await evaluateContacts(deps, [definition], replayed, moment, FIRST)).get(row.segment_uid) ?? [])];
  const stored = setOf(row, step);
  const parts: SetParts = { workspaceId, buildId: build.id, stored, replayed, members };
  if (row.build_reason === 'audit' && stored) {
    const { differ, contacts } = await compareSet(deps, parts, AUDIT_CONTACTS);
    // While windows pass, somebody has always just moved, each time somebody else: only who differs every time is on the wrong side.
    const seen = build.suspects;
    build.suspects = new Set(seen === null ? contacts : contacts.filter((id) => seen.has(id)));
    if (build.suspects.size > 0 && build.tries < AUDIT_TRIES) {
      // Perhaps they moved this moment and their marks are still on the way: they are looked at again, in a later step.
      build.tries += 1;
      for (const id of contacts) build.replay.add(id);
      return false;
    }
    const wrong = await wrongAmong(deps, context, definition, build.suspects, new Set(members));
    const drift = wrong > 0 ? Math.max(wrong, differ > AUDIT_CONTACTS ? differ : 0) : 0;
    found.audits.push({ segmentUid: row.segment_uid, drift });
    if (drift > 0)
      deps.log.error({ workspace: workspaceId, segment: row.segment_uid, contacts: drift }, 'an audit found members that were wrong');
    if (drift === 0 && differ <= AUDIT_CONTACTS && (await movesSince(deps, workspaceId, stored)) < MANY_MOVES) return true;
  }
  await store(deps, context, definition, parts, found);
  return true;
}

/**
 * How many of those who differ are wrong. Who has a mark that will move them, or crossed an edge since edges were looked for, is only late:
 * an evaluator that is behind would otherwise raise the alarm about itself. All of them have just been evaluated: `members` are right.
 */
async function wrongAmong(
  deps: Deps,
  { workspaceId, step, now }: StepContext,
  { dependencies, tree }: Definition,
  suspects: ReadonlySet<number>,
  members: ReadonlySet<number>,
): Promise<number> {
  if (suspects.size === 0) return 0;
  const late = new Set<number>();
  for (const name of dependencies.names) {
    const { joins, leaves } = movesBy(tree, name);
    const movable = [...suspects].filter((id) => (members.has(id) ? joins : leaves));
    for (const id of await markedAmong(deps.redis, workspaceId, name, movable)) late.add(id);
  }
  for (const ids of (await crossed(deps, workspaceId, dependencies.windows, step.checkedTo ?? now, now)).values())
    if (ids !== 'all') for (const id of ids) late.add(id);
  return [...suspects].filter((id) => !late.has(id)).length;
}

async function store(deps: Deps, context: StepContext, { row }: Pick<Definition, 'row'>, parts: SetParts, found: Findings): Promise<void> {
  const { workspaceId, step, now, definitions } = context;
  const at = { segmentUid: row.segment_uid, epoch: step.epoch, now };
  context.wrote.anything = true;
  const { size, joined, parted } = await storeSet(deps, at, parts);
  await deps.failpoints('segmenter.set_stored', row.segment_id);
  // Moves of this very step are in the set already: the base is newer than they are.
  drop(found.moves, row.segment_uid);
  drop(found.flips, row.segment_uid);
  const day = localDayOf(row.timezone, now);
  found.switches.push({ segmentUid: row.segment_uid, day, joins: joined, leaves: parted, version: row.version, size });
  deps.metrics.flips.inc({ state: 'joined' }, joined);
  deps.metrics.flips.inc({ state: 'left' }, parted);
  const dependency = `segment:${row.segment_id}`;
  if (row.deleted_at !== null || joined + parted === 0 || !definitions.live.some((d) => d.dependencies.names.has(dependency))) return;
  if (joined + parted > MANY_MOVED) found.touched.set(dependency, 'all');
  else for (const contact of await movedBy(deps, workspaceId, at)) touch(found.touched, dependency, contact);
}

function drop(list: { segmentUid: number }[], segmentUid: number): void {
  const at = list.findIndex((entry) => entry.segmentUid === segmentUid);
  if (at >= 0) list.splice(at, 1);
}

/** Everybody leaves a deleted segment. */
async function empty(deps: Deps, context: StepContext, row: SegmentRow, found: Findings): Promise<void> {
  const stored = setOf(row, context.step);
  await store(deps, context, { row }, { workspaceId: context.workspaceId, buildId: null, stored, replayed: [], members: [] }, found);
}
