/**
 * When edges are looked for. `checkedTo` is the moment up to which they were, and the next look is due at the first edge after it: whatever
 * crossed one since then is found, however long ago that was and whoever was the evaluator.
 */
import { type Marks, markTouched } from '@muster/queues';
import type { Definition } from './definitions.ts';
import type { Deps } from './deps.ts';
import { crossed, dayBegan, mergeWindows, nextEdge, nextMidnight, type Settled } from './edges.ts';
import type { Findings, Memory, StepContext } from './state.ts';

/** While steps follow each other, edges are looked for at most this often; at rest the sweep's pace is the limit. */
const PACE_MS = 1_000;

/** Marks the contacts who crossed an edge since the last look, when one is due. True when it looked. */
export async function lookForEdges(
  deps: Deps,
  { workspaceId, step, now, memory: { evaluated } }: StepContext,
  moving: readonly Definition[],
  found: Findings,
): Promise<boolean> {
  if (step.checkedTo === null || step.nextDueAt === null || step.nextDueAt > now) return false;
  const settled: Settled = (dependency, contact, began) => (evaluated.get(dependency)?.get(contact) ?? began) > began;
  await markTouched(deps.redis, workspaceId, await crossed(deps, workspaceId, mergeWindows(moving), step.checkedTo, now, settled));
  // What begins from here on is later than any of these.
  evaluated.clear();
  for (const d of dayBegan(moving, step.checkedTo, now)) found.rebuild.push({ segmentUid: d.row.segment_uid, reason: 'midnight' });
  return true;
}

/**
 * Notes when contacts were evaluated for activities of a kind. An activity that began before that has had its effect: either it was
 * stored by then, or it has marked the contact since. Without this, whoever did something was evaluated a second time, by the next look.
 */
export function noteEvaluated(evaluated: Memory['evaluated'], moving: readonly Definition[], taken: readonly Marks[], now: number): void {
  const kinds = new Set<string>();
  for (const { dependencies } of moving)
    for (const { began, dependency } of dependencies.windows) if (began !== dependency) kinds.add(began);
  for (const { dependency, contacts } of taken) {
    if (!kinds.has(dependency)) continue;
    const moments = evaluated.get(dependency) ?? new Map<number, number>();
    evaluated.set(dependency, moments);
    for (const { id } of contacts) moments.set(id, now);
  }
}

/** How a step ends: contacts are left or builds are under way, it took contacts, it looked for edges, up to which moment they were looked for. */
type Ending = { moving: readonly Definition[]; working: boolean; took: boolean; looked: boolean; checkedTo: number };

/**
 * When to look next, null when nothing has an edge. Exact when the workspace is at rest, soon while it is not: finding the next edge of fifty
 * segments takes as long as looking for those that were crossed, and where events keep coming there is always one.
 */
export async function nextLook(
  deps: Deps,
  { workspaceId, step, now, memory }: StepContext,
  { moving, working, took, looked, checkedTo }: Ending,
): Promise<number | null> {
  if (!memory.edgeUnknown) return step.nextDueAt;
  const soon = now + PACE_MS;
  const windows = mergeWindows(moving);
  // A look that was due when a step only switched stays due: put off again and again, it would come seconds late.
  if (working || (took && windows.length > 0)) return looked ? soon : Math.min(step.nextDueAt ?? soon, soon);
  const edge = await nextEdge(deps, workspaceId, windows, checkedTo);
  memory.edgeUnknown = false;
  const due = [edge, nextMidnight(moving, checkedTo)].filter((ms) => ms !== null);
  return due.length === 0 ? null : Math.min(...due);
}
