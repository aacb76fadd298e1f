/**
 * Failpoints: named places at which a test makes the process die, stop or fail, so that every crash window of the
 * pipeline can be hit exactly. Off unless MUSTER_FAILPOINTS is set.
 *
 * Grammar: `name=action[*times][@file]`, separated by `;`. Actions: `kill` (SIGKILL), `stop` (SIGSTOP), `throw` (a
 * transient error), `bug` (a TypeError, as a programming error raises it), `hang` (never returns). `times` counts per process; `@file` makes it once per file: the point acts
 * only while the file does not exist and creates it first, so a restarted process does not act again.
 * `name:detail=…` acts only where the caller passes that detail (for example one address).
 */
import { closeSync, existsSync, openSync } from 'node:fs';

type Action = 'kill' | 'stop' | 'throw' | 'bug' | 'hang';
type Point = { action: Action; left: number; file: string | null };

/** What a `throw` failpoint raises; every caller treats it as transient. */
export class FailpointError extends Error {
  override readonly name = 'FailpointError';
  readonly code = 'FAILPOINT';
}

export type Failpoints = (name: string, detail?: string) => void | Promise<void>;

const SPEC = /^([a-z0-9_.]+(?::[^=]+)?)=(kill|stop|throw|bug|hang)(?:\*(\d+))?(?:@(.+))?$/;

/** Parses the MUSTER_FAILPOINTS value. @throws Error when an entry does not fit the grammar. */
export function createFailpoints(spec: string): Failpoints {
  const points = new Map<string, Point>();
  for (const entry of spec.split(';').filter(Boolean)) {
    const match = SPEC.exec(entry.trim());
    if (!match) throw new Error('MUSTER_FAILPOINTS: an entry does not read name=action[*times][@file]');
    const [, name = '', action, times, file] = match;
    points.set(name, { action: action as Action, left: times ? Number(times) : Number.POSITIVE_INFINITY, file: file ?? null });
  }
  if (points.size === 0) return () => undefined;
  return (name, detail) => {
    const point = points.get(name) ?? (detail === undefined ? undefined : points.get(`${name}:${detail}`));
    if (!point || point.left <= 0) return;
    if (point.file) {
      if (existsSync(point.file)) return;
      closeSync(openSync(point.file, 'w'));
    }
    point.left -= 1;
    if (point.action === 'kill') process.kill(process.pid, 'SIGKILL');
    if (point.action === 'stop') process.kill(process.pid, 'SIGSTOP');
    if (point.action === 'bug') throw new TypeError(`failpoint ${name}`);
    if (point.action === 'throw') throw new FailpointError(`failpoint ${name}`);
    if (point.action === 'hang') return new Promise<void>(() => undefined);
    // SIGSTOP and SIGKILL are delivered asynchronously: give the kernel a moment before the caller goes on.
    return new Promise((resolve) => setTimeout(resolve, 50));
  };
}
