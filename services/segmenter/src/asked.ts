/** Who asks for a segment is noticed at once, not when the step that is under way has ended. */
import { generationOf } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import type { Deps } from './deps.ts';

const POLL_MS = 25;

/** Resolves with null when somebody has changed or asked for a segment since that generation, or when the signal ends the waiting. */
export async function untilAsked(deps: Deps, workspaceId: number, generation: number, signal: AbortSignal): Promise<null> {
  while (!signal.aborted && (await generationOf(deps.pool, workspaceId)) === generation) await sleep(POLL_MS, signal);
  return null;
}
