/** `segments audit`: every segment's members are computed anew and compared with the stored ones. Exit code 1 when one contact is wrong. */
import { type CommandLine, positive } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { CommandError } from '../errors.ts';
import { formatTable } from '../output.ts';
import { type AuditedSegment, auditSegments } from '../segment-audit.ts';
import { chosenWorkspaces } from './workspace.ts';

export const AUDIT_SECONDS = 600;

export async function auditCommand(deps: Deps, line: CommandLine): Promise<void> {
  const seconds = line.options.timeout === undefined ? AUDIT_SECONDS : positive('timeout', line.options.timeout);
  const found = await auditSegments(deps, await chosenWorkspaces(deps, line), seconds * 1_000);
  if (found.length === 0) return deps.output.line('There are no segments.');
  const rows = found.map((s) => [s.workspace, s.segment, s.users, s.drift ?? '-', stateText(s)]);
  for (const text of formatTable(['workspace', 'segment', 'members', 'drift', 'state'], rows)) deps.output.line(text);
  const unanswered = found.filter((s) => s.verdict === 'unanswered').length;
  if (unanswered > 0) throw new CommandError(`${unanswered} segments were not audited. ${NO_SEGMENTER}`);
  const unfinished = found.filter((s) => s.verdict === 'unfinished').length;
  if (unfinished > 0)
    throw new CommandError(`${unfinished} audits did not end within ${seconds} s. They go on; \`--timeout SECONDS\` waits longer.`);
  const wrong = found.filter((s) => s.drift !== null && s.drift > 0);
  if (wrong.length > 0)
    throw new CommandError(`${wrong.length} segments had wrong members. They are right now; the fault that made them is not found yet.`);
}

export const NO_SEGMENTER = 'No segmenter answers: start one, or look at its log.';

/** What an audit has to say about a segment that is not simply right. */
export function stateText({ verdict, drift, error }: AuditedSegment): string {
  switch (verdict) {
    case 'audited':
      return drift === 0 ? 'right' : 'was wrong, put right';
    case 'failed':
      return `failed, not audited: ${error ?? 'no reason is known'}`;
    case 'unfinished':
      return 'audit did not end';
    case 'unanswered':
      return 'not audited';
  }
}
