/** Completes the logs of sets that were switched to, beside the steps: ten million joins take seconds to write, and nobody waits. */
import { markLogged } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { Definitions } from './definitions.ts';
import type { Deps } from './deps.ts';
import { type LoggedSet, logSets } from './flips.ts';
import type { Memory } from './state.ts';

export function completeLogs(deps: Deps, workspaceId: number, definitions: Definitions, memory: Memory): void {
  if (memory.logging !== null) return;
  const rows = [...definitions.live.map((d) => d.row), ...definitions.deleted];
  const sets = rows.flatMap((row): LoggedSet[] =>
    row.unlogged && row.base_epoch !== null ? [{ segmentUid: row.segment_uid, baseEpoch: row.base_epoch }] : [],
  );
  if (sets.length === 0) return;
  memory.logging = logSets(deps, workspaceId, sets)
    .then(() => deps.failpoints('segmenter.log_written'))
    .then(() => markLogged(deps.pool, sets))
    .catch((error: unknown) =>
      deps.log.warn({ workspace: workspaceId, ...errorFields(error) }, 'logs not completed, they will be repeated'),
    )
    .then(() => {
      memory.logging = null;
      memory.stale = true;
    });
}
