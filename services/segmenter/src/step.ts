/** One step of an evaluator; see evaluator.ts for its order and why it can be repeated. */
import { beginStep, commitStep, dropStep, type Step, segmentsToEvaluate } from '@muster/postgres';
import { type Marks, markTouched, readTouched, removeTouched, watchDependencies } from '@muster/queues';
import { errorFields, sleep } from '@muster/runtime';
import { untilAsked } from './asked.ts';
import { type Build, isAskedFor } from './build.ts';
import { settleBuilds, startBuilds } from './builds.ts';
import { type Definition, type Definitions, isMoving, memberSets, readDefinitions } from './definitions.ts';
import type { Deps } from './deps.ts';
import { writeFlips } from './flips.ts';
import { completeLogs } from './logs.ts';
import { lookForEdges, nextLook, noteEvaluated } from './look.ts';
import {
  type Findings,
  forget,
  forgetEvaluations,
  isLatest,
  LEASE_SECONDS,
  type Memory,
  type StepContext,
  type StepEnd,
  type Wrote,
} from './state.ts';
import { type Evaluated, evaluateTouched } from './touched.ts';

/** Dependencies are watched again this often, in case Redis lost them. */
const REWATCH_MS = 10_000;
/**
 * While builds are read, steps look at so few contacts: whoever waits for a build waits for the step before its switch, too, and what is
 * looked at meanwhile is looked at again by the build, of at most ten thousand contacts.
 */
const BESIDE_BUILDS = 400;
/** Most builds are read in this time when nothing else is; changes of members are late by as much. */
const PATIENCE_MS = 1_500;
/** Builds that follow each other hold up the others for no longer. */
const HELD_UP_MS = 2_500;
/** Who has asked for a build often asks for another: steps stay short for so long. */
const LINGER_MS = 5_000;
/** Not for an evaluator that has been behind for so long: too many marks of one kind become one of everybody. */
const BEHIND_MS = 30_000;

export async function takeStep(deps: Deps, workspaceId: number, memory: Memory): Promise<StepEnd> {
  const step = await beginStep(deps.pool, workspaceId, deps.holder, LEASE_SECONDS);
  if (step === null) return 'taken';
  // Somebody else has stepped in between: what is remembered is theirs to know by now.
  if (step.epoch !== memory.epoch + 1) forget(memory);
  // Or this process has committed one and has not heard of it.
  if (step.committed !== memory.committed) forgetEvaluations(memory);
  Object.assign(memory, { epoch: step.epoch, committed: step.committed });
  const wrote = { anything: false };
  try {
    await deps.failpoints('segmenter.begun');
    return await work(deps, workspaceId, step, memory, wrote);
  } catch (error) {
    // It may have been committed all the same: what is remembered is read again.
    Object.assign(memory, { stale: true, edgeUnknown: true });
    forgetEvaluations(memory);
    if (!wrote.anything)
      await dropStep(deps.pool, workspaceId, deps.holder, step.epoch).catch((e: unknown) =>
        deps.log.debug(errorFields(e), 'an empty epoch stays open; the next one voids it'),
      );
    throw error;
  }
}

async function work(deps: Deps, workspaceId: number, step: Step, memory: Memory, wrote: Wrote): Promise<StepEnd> {
  const begunAt = performance.now();
  const { definitions, intact } = await refresh(deps, workspaceId, step, memory);
  const begun: StepContext = {
    workspaceId,
    now: deps.clock(step.now),
    sets: memberSets(definitions, step),
    step,
    definitions,
    memory,
    wrote,
  };
  const found: Findings = { moves: [], switches: [], failures: [], audits: [], rebuild: [], flips: [], touched: new Map() };

  const moving = definitions.live.filter(isMoving);
  // Before any mark is taken: what is taken from here on, the builds look at again.
  startBuilds(deps, begun, new Set());
  const mayStop = performance.now() - memory.evaluatedAt < HELD_UP_MS;
  const most = await contactsToTake(memory);
  // What happened while it waited has happened: the marks that are read next may be about it.
  const now = deps.clock(step.now + Math.floor(performance.now() - begunAt));
  const context: StepContext = { ...begun, now };
  const looked = most > 0 && (await lookForEdges(deps, context, moving, found));
  const { score, marks } = await readTouched(deps.redis, workspaceId, Math.max(1, most));
  if (!intact || score < step.touchScore) afterLoss(memory, moving, found);
  const wanted = takeMarks(marks, most);
  const evaluated = await evaluateUnlessAsked(deps, context, moving, wanted, mayStop);
  const taken = evaluated === null ? [] : wanted;
  if (evaluated === null) memory.previous = 'interrupted';
  else if (memory.previous === 'evaluated') memory.evaluatedAt = performance.now();
  Object.assign(found, evaluated);
  for (const { dependency, whole } of taken) {
    if (whole === null) continue;
    for (const d of moving)
      if (d.dependencies.names.has(dependency)) found.rebuild.push({ segmentUid: d.row.segment_uid, reason: 'drifted' });
  }
  noteForBuilds(context, taken, found);
  await settleBuilds(deps, context, found);
  // What starts at the end of a step reads members as they were before it.
  for (const build of memory.builds.values()) noteFlips(context, build, found);
  await deps.failpoints('segmenter.evaluated');

  if (found.flips.length > 0) wrote.anything = true;
  await writeFlips(deps, workspaceId, step.epoch, now, found.flips);
  await deps.failpoints('segmenter.flips_written');
  // Before the commit: lost after it, these marks would be lost for good.
  await markTouched(deps.redis, workspaceId, found.touched);
  await deps.failpoints('segmenter.dependents_marked');
  const left =
    marks.some((m) => m.left > 0) ||
    taken.length < marks.length ||
    taken.some((t, n) => t.contacts.length < (marks[n]?.contacts.length ?? 0));
  if (!left) memory.caughtUpAt = performance.now();
  // What changes the definitions' members is not in `moving` yet: the next step knows their windows.
  const working = left || found.touched.size > 0 || memory.builds.size > 0 || found.rebuild.length > 0 || found.switches.length > 0;
  if (taken.length > 0 || looked || found.switches.length > 0) memory.edgeUnknown = true;
  const checkedTo = looked || step.checkedTo === null ? now : step.checkedTo;
  const nextDueAt = await nextLook(deps, context, { moving, working, took: taken.length > 0, looked, checkedTo });
  await commitStep(deps.pool, {
    ...{ workspaceId, holder: deps.holder, epoch: step.epoch, now, ...found },
    ...{ checkedTo, nextDueAt, touchScore: score },
  });
  if (isLatest(context)) {
    memory.committed = step.epoch;
    memory.known.moved(found.flips);
    noteEvaluated(memory.evaluated, moving, taken, now);
  }
  if (found.switches.length + found.failures.length + found.rebuild.length + found.audits.length > 0) memory.stale = true;
  await deps.failpoints('segmenter.committed');
  await removeTouched(deps.redis, workspaceId, taken);
  observe(deps, taken, found);
  completeLogs(deps, workspaceId, definitions, memory);
  return working || memory.stale || memory.logging !== null ? 'more' : 'idle';
}

/**
 * How many contacts this step looks at. None when builds have been read that somebody waits for: who does, does not wait for others, whose marks
 * stay for the next step. Such a build that has just begun is waited for. Not twice in a row, or a thousand builds would hold up everybody.
 */
async function contactsToTake(memory: Memory): Promise<number> {
  const builds = [...memory.builds.values()];
  const awaited = builds.filter(({ definition }) => isAskedFor(definition.row));
  const mayWait = memory.previous !== 'switched';
  const left = Math.min(...awaited.map(({ startedAt }) => startedAt)) + PATIENCE_MS - performance.now();
  if (mayWait && awaited.length > 0 && left > 0) await Promise.race([Promise.all(awaited.map(({ ended }) => ended)), sleep(left)]);
  const switching = mayWait && awaited.some(({ outcome }) => outcome !== null);
  memory.previous = switching ? 'switched' : 'evaluated';
  if (switching) return 0;
  const since = (ms: number): number => performance.now() - ms;
  const short = (builds.length > 0 || since(memory.builtAt) < LINGER_MS) && since(memory.caughtUpAt) < BEHIND_MS;
  return short ? Math.min(BESIDE_BUILDS, memory.contactsPerStep) : memory.contactsPerStep;
}

/**
 * Evaluates contacts, unless somebody asks for a build meanwhile: then null, and every mark stays for a step after the one that builds.
 *
 * @param mayStop not when the marks have been waiting for long
 */
async function evaluateUnlessAsked(
  deps: Deps,
  context: StepContext,
  moving: readonly Definition[],
  marks: readonly Marks[],
  mayStop: boolean,
): Promise<Evaluated | null> {
  const ended = new AbortController();
  const evaluated = evaluateTouched(deps, context, moving, marks, ended.signal);
  try {
    return await Promise.race([
      evaluated,
      ...(mayStop ? [untilAsked(deps, context.workspaceId, context.step.generation, ended.signal)] : []),
    ]);
  } finally {
    ended.abort();
  }
}

/** Redis lost marks: contacts may have changed without anybody knowing. Everything is computed anew, builds under way included. */
function afterLoss(memory: Memory, moving: readonly Definition[], found: Findings): void {
  memory.watchedAt = 0;
  for (const build of memory.builds.values()) build.spoiled = true;
  for (const { row } of moving) found.rebuild.push({ segmentUid: row.segment_uid, reason: 'drifted' });
}

/**
 * Definitions as they are now; what they depend on is watched before anything is read, so no change in between goes unmarked. `intact` is
 * false when Redis lost the marks that there were.
 */
async function refresh(
  deps: Deps,
  workspaceId: number,
  step: Step,
  memory: Memory,
): Promise<{ definitions: Definitions; intact: boolean }> {
  const known = memory.definitions;
  if (known && !memory.stale && memory.generation === step.generation && Date.now() - memory.watchedAt < REWATCH_MS)
    return { definitions: known, intact: true };
  const definitions = readDefinitions(await segmentsToEvaluate(deps.pool, workspaceId), memory.parsed);
  memory.known.retain(new Set(definitions.live.map((d) => d.row.segment_uid)));
  const names = new Set(definitions.live.flatMap((d) => [...d.dependencies.names]));
  const intact = await watchDependencies(deps.redis, workspaceId, step.epoch, names);
  if (memory.generation !== step.generation) memory.edgeUnknown = true;
  Object.assign(memory, { definitions, generation: step.generation, stale: false, watchedAt: Date.now() });
  return { definitions, intact: intact || step.touchScore === 0 };
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

/**
 * Marks that are taken now are gone for a build that reads at this time: it looks at these contacts again when it switches. So it does at
 * those who moved in a segment that it refers to.
 */
function noteForBuilds(context: StepContext, taken: readonly Marks[], found: Findings): void {
  for (const build of context.memory.builds.values()) {
    const { names } = build.definition.dependencies;
    for (const { dependency, whole, contacts } of taken) {
      if (!names.has(dependency)) continue;
      if (whole !== null) build.spoiled = true;
      for (const { id } of contacts) build.replay.add(id);
    }
    noteFlips(context, build, found);
  }
}

function noteFlips({ definitions }: StepContext, build: Build, { flips }: Findings): void {
  const ids = new Map(definitions.live.map((d) => [d.row.segment_uid, d.row.segment_id]));
  for (const { segmentUid, joined, parted } of flips)
    if (build.definition.dependencies.names.has(`segment:${ids.get(segmentUid)}`))
      for (const id of [...joined, ...parted]) build.replay.add(id);
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
