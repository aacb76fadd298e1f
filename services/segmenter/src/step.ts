/** One step of an evaluator; see evaluator.ts for its order and why it can be repeated. */
import { localDayOf } from '@muster/domain';
import { beginStep, commitStep, type Step, segmentsToEvaluate } from '@muster/postgres';
import { type Marks, markTouched, readTouched, removeTouched, touch, watchDependencies } from '@muster/queues';
import { settleBuilds } from './builds.ts';
import { type Definition, type Definitions, isMoving, memberSets, readDefinitions, setOf } from './definitions.ts';
import type { Deps } from './deps.ts';
import { crossed, dayBegan, mergeWindows, nextEdge, nextMidnight } from './edges.ts';
import { writeFlips } from './flips.ts';
import { completeLogs } from './logs.ts';
import { compareMembers, evaluateContacts, type Moment, storedMembers } from './members.ts';
import { type Findings, forget, LEASE_SECONDS, type Memory, type StepContext, type StepEnd } from './state.ts';
import { reasonOf } from './statements.ts';

/** Dependencies are watched again this often, in case Redis lost them. */
const REWATCH_MS = 10_000;
/** Edges are looked for at most this often while something else goes on anyway. */
const EDGE_PACE_MS = 1_000;

export async function takeStep(deps: Deps, workspaceId: number, memory: Memory): Promise<StepEnd> {
  const step = await beginStep(deps.pool, workspaceId, deps.holder, LEASE_SECONDS);
  if (step === null) return 'taken';
  // Somebody else has stepped in between: what is remembered is theirs to know by now.
  if (step.epoch !== memory.epoch + 1) forget(memory);
  memory.epoch = step.epoch;
  await deps.failpoints('segmenter.begun');
  const definitions = await refresh(deps, workspaceId, step, memory);
  const now = deps.clock(step.now);
  const epochs = { committed: step.committed, voidEpochs: step.voidEpochs };
  const moment: Moment = { workspaceId, now, sets: memberSets(definitions, epochs) };
  const context: StepContext = { workspaceId, step, now, moment, definitions, memory };
  const found: Findings = { moves: [], switches: [], failures: [], audits: [], rebuild: [], flips: [], touched: new Map() };

  const moving = definitions.live.filter(isMoving);
  const edges = await lookForEdges(deps, context, moving, found);
  const { score, marks } = await readTouched(deps.redis, workspaceId, memory.contactsPerStep);
  if (score < step.touchScore) for (const d of moving) found.rebuild.push({ segmentUid: d.row.segment_uid, reason: 'drifted' });
  const taken = takeMarks(marks, memory.contactsPerStep);
  await evaluateTouched(deps, context, moving, taken, found);
  for (const { dependency, whole } of taken) {
    if (whole === null) continue;
    for (const d of moving)
      if (d.dependencies.names.has(dependency)) found.rebuild.push({ segmentUid: d.row.segment_uid, reason: 'drifted' });
  }
  noteForBuilds(memory, taken);
  await settleBuilds(deps, context, found);
  await deps.failpoints('segmenter.evaluated');

  await writeFlips(deps, workspaceId, step.epoch, now, found.flips);
  await deps.failpoints('segmenter.flips_written');
  // Before the commit: lost after it, these marks would be lost for good.
  await markTouched(deps.redis, workspaceId, found.touched);
  await deps.failpoints('segmenter.dependents_marked');
  const left =
    marks.some((m) => m.left > 0) ||
    taken.length < marks.length ||
    taken.some((t, n) => t.contacts.length < (marks[n]?.contacts.length ?? 0));
  // What changes the definitions' members is not in `moving` yet: the next step knows their windows.
  const working = left || found.touched.size > 0 || memory.builds.size > 0 || found.rebuild.length > 0 || found.switches.length > 0;
  if (taken.length > 0 || edges || found.switches.length > 0) memory.edgeUnknown = true;
  const nextDueAt = await nextLook(deps, context, moving, working);
  await commitStep(deps.pool, {
    ...{ workspaceId, holder: deps.holder, epoch: step.epoch, now, ...found },
    ...{ checkedTo: edges || step.checkedTo === null ? now : step.checkedTo, nextDueAt, touchScore: score },
  });
  await deps.failpoints('segmenter.committed');
  await removeTouched(deps.redis, workspaceId, taken);
  observe(deps, taken, found);
  if (found.switches.length + found.failures.length + found.rebuild.length + found.audits.length > 0) memory.stale = true;
  completeLogs(deps, workspaceId, definitions, memory);
  return working || memory.stale || memory.logging !== null ? 'more' : 'idle';
}

/** Definitions as they are now; what they depend on is watched before anything is read, so no change in between goes unmarked. */
async function refresh(deps: Deps, workspaceId: number, step: Step, memory: Memory): Promise<Definitions> {
  const known = memory.definitions;
  if (known && !memory.stale && memory.generation === step.generation && Date.now() - memory.watchedAt < REWATCH_MS) return known;
  const definitions = readDefinitions(await segmentsToEvaluate(deps.pool, workspaceId), memory.parsed);
  const names = new Set(definitions.live.flatMap((d) => [...d.dependencies.names]));
  await watchDependencies(deps.redis, workspaceId, names);
  if (memory.generation !== step.generation) memory.edgeUnknown = true;
  Object.assign(memory, { definitions, generation: step.generation, stale: false, watchedAt: Date.now() });
  return definitions;
}

/** Marks the contacts who crossed an edge since the last look, when one is due. True when it looked. */
async function lookForEdges(
  deps: Deps,
  { workspaceId, step, now }: StepContext,
  moving: readonly Definition[],
  found: Findings,
): Promise<boolean> {
  if (step.checkedTo === null || step.nextDueAt === null || step.nextDueAt > now) return false;
  await markTouched(deps.redis, workspaceId, await crossed(deps, workspaceId, mergeWindows(moving), step.checkedTo, now));
  for (const d of dayBegan(moving, step.checkedTo, now)) found.rebuild.push({ segmentUid: d.row.segment_uid, reason: 'midnight' });
  return true;
}

/** The oldest marks of at most so many contacts; wholes always. */
function takeMarks(marks: readonly Marks[], limit: number): Marks[] {
  const oldest = marks.flatMap((m) => m.contacts.map((c) => ({ id: c.id, score: Number(c.score) }))).sort((a, b) => a.score - b.score);
  const chosen = new Set<number>();
  for (const { id } of oldest) {
    if (chosen.size >= limit) break;
    chosen.add(id);
  }
  return marks
    .map((m) => ({ ...m, contacts: m.contacts.filter((c) => chosen.has(c.id)) }))
    .filter((m) => m.whole !== null || m.contacts.length > 0);
}

async function evaluateTouched(
  deps: Deps,
  context: StepContext,
  moving: readonly Definition[],
  taken: readonly Marks[],
  found: Findings,
): Promise<void> {
  const contacts = [...new Set(taken.flatMap((m) => m.contacts.map((c) => c.id)))];
  if (contacts.length === 0) return;
  const names = new Set(taken.filter((m) => m.contacts.length > 0).map((m) => m.dependency));
  const concerned = moving.filter((d) => [...names].some((name) => d.dependencies.names.has(name)));
  if (concerned.length === 0) return;
  const epochs = { committed: context.step.committed, voidEpochs: context.step.voidEpochs };
  const sets = concerned.flatMap((d) => setOf(d.row, epochs) ?? []);
  const [fresh, stored] = await Promise.all([
    evaluateEach(deps, concerned, contacts, context.moment, found),
    storedMembers(deps, context.workspaceId, sets, contacts),
  ]);
  for (const definition of concerned) {
    const uid = definition.row.segment_uid;
    const members = fresh.get(uid);
    if (!members) continue;
    const moved = compareMembers(contacts, members, stored.get(uid) ?? new Set());
    if (moved.joined.length + moved.parted.length === 0) continue;
    found.flips.push({ segmentUid: uid, ...moved });
    const day = localDayOf(definition.row.timezone, context.now);
    found.moves.push({ segmentUid: uid, day, joins: moved.joined.length, leaves: moved.parted.length });
    for (const contact of [...moved.joined, ...moved.parted]) touch(found.touched, `segment:${definition.row.segment_id}`, contact);
  }
}

/** All in one statement; when that fails for what a segment asks, each by itself, so that one never holds up another. */
async function evaluateEach(
  deps: Deps,
  definitions: readonly Definition[],
  contacts: readonly number[],
  moment: Moment,
  found: Findings,
): Promise<Map<number, Set<number>>> {
  try {
    return await evaluateContacts(deps, definitions, contacts, moment);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    const [only] = definitions;
    if (definitions.length === 1 && only) {
      found.failures.push({ segmentUid: only.row.segment_uid, version: only.row.version, error: `tree: ${reason}` });
      return new Map();
    }
  }
  const all = new Map<number, Set<number>>();
  for (const definition of definitions)
    for (const [uid, members] of await evaluateEach(deps, [definition], contacts, moment, found)) all.set(uid, members);
  return all;
}

/** Marks that are taken now are gone for a build that reads at this time: it looks at these contacts again when it switches. */
function noteForBuilds(memory: Memory, taken: readonly Marks[]): void {
  for (const build of memory.builds.values())
    for (const { dependency, whole, contacts } of taken) {
      if (!build.definition.dependencies.names.has(dependency)) continue;
      if (whole !== null) build.spoiled = true;
      for (const { id } of contacts) build.replay.add(id);
    }
}

/** When edges are to be looked for next. Exact when the workspace comes to rest; while it does not, soon. */
async function nextLook(
  deps: Deps,
  { workspaceId, step, now, memory }: StepContext,
  moving: readonly Definition[],
  working: boolean,
): Promise<number | null> {
  const windows = mergeWindows(moving);
  if (windows.length === 0 && !moving.some((d) => d.dependencies.midnights)) return null;
  if (!memory.edgeUnknown) return step.nextDueAt;
  const soon = now + EDGE_PACE_MS;
  if (working) return step.nextDueAt !== null && step.nextDueAt > now ? Math.min(step.nextDueAt, soon) : soon;
  const edge = await nextEdge(deps, workspaceId, windows, now);
  memory.edgeUnknown = false;
  const due = [edge, nextMidnight(moving, now)].filter((ms) => ms !== null);
  return due.length === 0 ? null : Math.max(Math.min(...due), now + EDGE_PACE_MS);
}

function observe(deps: Deps, taken: readonly Marks[], found: Findings): void {
  const now = Date.now();
  for (const { contacts } of taken)
    for (const { score } of contacts) deps.metrics.membershipSeconds.observe(Math.max(0, now - Number(score) / 1_000) / 1_000);
  for (const { joined, parted } of found.flips) {
    deps.metrics.flips.inc({ state: 'joined' }, joined.length);
    deps.metrics.flips.inc({ state: 'left' }, parted.length);
  }
  deps.metrics.failures.inc(found.failures.length);
}
