/**
 * The evaluator of one workspace: the only writer of its segments' members, one step at a time.
 *
 *   begin an epoch → read marks of touched contacts, edges that were crossed → evaluate these contacts → switch builds that are staged
 *   → write joins and leaves → mark whoever depends on these segments → commit the epoch → remove the marks
 *
 * A crash anywhere before the commit leaves the epoch void and every mark in place: the next step finds the same again. A crash after it
 * leaves marks of contacts that are right already. What a step does is in step.ts; this file decides when there is one.
 */
import { LostLeaseError, releaseLease, renewLease } from '@muster/postgres';
import { errorFields, sleep } from '@muster/runtime';
import { untilAsked } from './asked.ts';
import type { Deps } from './deps.ts';
import { LEASE_SECONDS, type Memory } from './state.ts';
import { takeStep } from './step.ts';

const RENEW_MS = 2_000;
/** Steps begin at least this far apart: what is touched meanwhile shares one. */
const PACE_MS = 200;
/**
 * What a step may take: longer ones look at fewer contacts, or everybody waits for the slowest. The limit on contacts only matters to an
 * evaluator that is behind, and a step's statements cost hardly more for three thousand contacts than for one: steps that are kept short,
 * or that shrink without end, get less done than comes in.
 */
const TARGET_MS = 1_500;
const MIN_CONTACTS = 2_000;
/** Nor at fewer than this after steps that failed. */
const FEWEST_CONTACTS = 250;
/** Other workspaces want a turn, too. */
const TURN_MS = 20_000;

/** One turn of a workspace: steps until nothing is left to do, or others want a turn. */
export async function evaluateWorkspace(deps: Deps, workspaceId: number, memory: Memory): Promise<void> {
  const renewal = setInterval(() => {
    renewLease(deps.pool, workspaceId, deps.holder, LEASE_SECONDS).catch((error: unknown) =>
      deps.log.warn(errorFields(error), 'lease not renewed'),
    );
  }, RENEW_MS);
  try {
    const until = Date.now() + TURN_MS;
    for (;;) {
      const started = performance.now();
      const end = await takeStep(deps, workspaceId, memory).catch((error: unknown) => {
        // Should it be too large for something, the next one is not.
        memory.contactsPerStep = Math.max(Math.min(FEWEST_CONTACTS, memory.contactsPerStep), Math.floor(memory.contactsPerStep / 2));
        throw error;
      });
      const ms = performance.now() - started;
      deps.metrics.stepSeconds.observe(ms / 1_000);
      if (memory.previous === 'evaluated')
        memory.contactsPerStep = nextSize(memory.contactsPerStep, ms, deps.config.MUSTER_SEGMENT_STEP_CONTACTS);
      if (end !== 'more' || deps.stopping()) break;
      const busy = memory.builds.size > 0 || memory.logging !== null;
      if (!busy && Date.now() > until) {
        await deps.requests.request(workspaceId);
        break;
      }
      if (memory.previous !== 'interrupted') await pause(deps, workspaceId, memory, PACE_MS - ms);
    }
    await releaseLease(deps.pool, workspaceId, deps.holder);
  } catch (error) {
    if (!(error instanceof LostLeaseError)) throw error;
    deps.log.warn({ workspace: workspaceId }, 'another process evaluates this workspace now');
  } finally {
    clearInterval(renewal);
  }
}

/** Waits for the pace, less when a build ends first or somebody asks for one. */
async function pause(deps: Deps, workspaceId: number, memory: Memory, ms: number): Promise<void> {
  if (ms <= 0) return;
  const over = new AbortController();
  const ended = [...memory.builds.values()].filter((b) => b.outcome === null).map((b) => b.ended);
  try {
    await Promise.race([sleep(ms, over.signal), untilAsked(deps, workspaceId, memory.generation, over.signal), ...ended]);
  } finally {
    over.abort();
  }
}

function nextSize(size: number, ms: number, most: number): number {
  if (ms > TARGET_MS) return Math.max(Math.min(MIN_CONTACTS, most, size), Math.floor(size * 0.8));
  return ms < TARGET_MS * 0.8 ? Math.min(most, Math.ceil(size * 1.2)) : size;
}
