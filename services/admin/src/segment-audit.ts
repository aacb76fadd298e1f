/**
 * Has segments audited by the segmenters, and waits for them.
 *
 *   asked ──a segmenter computes everybody anew──▶ audited (drift, 0 = right)        asked ──▶ failed | unfinished | unanswered
 *
 * Nothing is computed here, so the answer is that of the code which keeps the members. Definitions that change meanwhile are built first
 * and audited then.
 */
import {
  type AuditState,
  auditStates,
  changeSegments,
  evaluatorPulse,
  postgresTime,
  requestBuilds,
  type Workspace,
} from '@muster/postgres';
import { EvaluationRequests } from '@muster/queues';
import { sleep } from '@muster/runtime';
import type { Deps } from './deps.ts';

export type Verdict = 'audited' | 'failed' | 'unfinished' | 'unanswered';
export type AuditedSegment = {
  workspace: string;
  segment: string;
  users: number;
  drift: number | null;
  error: string | null;
  verdict: Verdict;
};

const POLL_MS = 500;
/** A segmenter looks for work every second and renews its lease every two: so long without either, there is none. */
const SILENT_MS = 15_000;

/** One workspace: what was there when the audit was asked for. */
type Asked = { workspace: Workspace; since: string; uids: ReadonlySet<number> };

/** Audits every segment of the workspaces, all of them side by side. Those that failed before are reported and not waited for. */
export async function auditSegments(deps: Deps, workspaces: readonly Workspace[], timeoutMs: number): Promise<AuditedSegment[]> {
  const asked = await ask(deps, workspaces);
  const until = Date.now() + timeoutMs;
  const pulse = await createPulse(deps);
  for (;;) {
    const states = await Promise.all(asked.map((a) => currentStates(deps, a)));
    const all = states.flat();
    const open = all.filter(isOpen);
    deps.output.progress('segments', all.length - open.length, all.length);
    const verdict = Date.now() > until ? 'unfinished' : (await pulse.isSilent()) ? 'unanswered' : null;
    if (open.length === 0 || verdict !== null) {
      deps.output.endProgress();
      return asked.flatMap(({ workspace }, n) => (states[n] ?? []).map((state) => report(workspace, state, verdict ?? 'unfinished')));
    }
    // Whatever took the audit's place (an edit, a rebuild) is done: the audit is asked for again.
    for (const [n, { workspace }] of asked.entries())
      if (states[n]?.some((s) => isOpen(s) && s.buildReason === null)) await requestAudits(deps, workspace);
    await sleep(POLL_MS);
  }
}

const isOpen = (state: AuditState): boolean => state.status !== 'failed' && state.drift === null;

function report(workspace: Workspace, state: AuditState, otherwise: Verdict): AuditedSegment {
  const { segmentId: segment, users, drift, error } = state;
  const verdict = state.status === 'failed' ? 'failed' : drift === null ? otherwise : 'audited';
  return { workspace: workspace.name, segment, users, drift, error, verdict };
}

async function ask(deps: Deps, workspaces: readonly Workspace[]): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const workspace of workspaces) {
    const since = await postgresTime(deps.postgres());
    const segments = await auditStates(deps.postgres(), workspace.workspaceId, since);
    if (segments.length === 0) continue;
    await requestAudits(deps, workspace);
    asked.push({ workspace, since, uids: new Set(segments.map((s) => s.segmentUid)) });
  }
  await wake(deps, asked);
  return asked;
}

/** Those of the segments that were there at the beginning and still are. */
async function currentStates(deps: Deps, { workspace, since, uids }: Asked): Promise<AuditState[]> {
  return (await auditStates(deps.postgres(), workspace.workspaceId, since)).filter((s) => uids.has(s.segmentUid));
}

async function requestAudits(deps: Deps, { workspaceId }: Workspace): Promise<void> {
  await changeSegments(deps.postgres(), workspaceId, (client) => requestBuilds(client, workspaceId, null, 'audit'));
}

/** Asks for evaluations at once. Without Redis the segmenters find what is wanted by themselves, a second later. */
async function wake(deps: Deps, asked: readonly Asked[]): Promise<void> {
  try {
    const requests = new EvaluationRequests(await deps.redis());
    for (const { workspace } of asked) await requests.request(workspace.workspaceId);
    await requests.close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    deps.output.line(`Redis does not take the request (${reason}); the segmenters find it by themselves within a second.`);
  }
}

/** Whether nobody has evaluated anything for a while. */
async function createPulse(deps: Deps): Promise<{ isSilent: () => Promise<boolean> }> {
  let { steps } = await evaluatorPulse(deps.postgres());
  let heardAt = Date.now();
  return {
    isSilent: async () => {
      const now = await evaluatorPulse(deps.postgres());
      if (now.leased || now.steps !== steps) heardAt = Date.now();
      steps = now.steps;
      return Date.now() - heardAt > SILENT_MS;
    },
  };
}
