/** Who asks for a segment, or changes one, is noticed at once, not when the step that is under way has ended. */
import { generationOf } from '@muster/postgres';
import { errorFields, sleep } from '@muster/runtime';
import type { Deps } from './deps.ts';

const POLL_MS = 25;

/** Resolves with null when somebody has changed or asked for a segment since that generation, or when the signal ends the waiting. */
export async function untilAsked(deps: Deps, workspaceId: number, generation: number, signal: AbortSignal): Promise<null> {
  // Whatever else is wrong with Postgres, the step finds out by itself.
  const isAsked = (): Promise<boolean> =>
    generationOf(deps.pool, workspaceId).then(
      (found) => found !== generation,
      (error: unknown) => {
        deps.log.debug({ workspace: workspaceId, ...errorFields(error) }, 'not known whether somebody asks for a segment');
        return false;
      },
    );
  while (!signal.aborted && !(await isAsked())) await sleep(POLL_MS, signal);
  return null;
}
