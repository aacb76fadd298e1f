/** Completes the logs of sets that were switched to, beside the steps: ten million joins take seconds to write, and nobody waits. */
import { markLogged } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { Definitions } from './definitions.ts';
import type { Deps } from './deps.ts';
import { logSet } from './flips.ts';
import type { Memory } from './state.ts';

export function completeLogs(deps: Deps, workspaceId: number, definitions: Definitions, memory: Memory): void {
  for (const row of [...definitions.live.map((d) => d.row), ...definitions.deleted]) {
    const { segment_uid: segmentUid, base_epoch: baseEpoch, unlogged } = row;
    if (!unlogged || baseEpoch === null || memory.logging.has(segmentUid)) continue;
    const work = logSet(deps, workspaceId, segmentUid, baseEpoch)
      .then(() => deps.failpoints('segmenter.log_written'))
      .then(() => markLogged(deps.pool, [{ segmentUid, baseEpoch }]))
      .catch((error: unknown) => deps.log.warn({ workspace: workspaceId, ...errorFields(error) }, 'log not completed, it will be repeated'))
      .then(() => {
        memory.logging.delete(segmentUid);
        memory.stale = true;
      });
    memory.logging.set(segmentUid, work);
  }
}
