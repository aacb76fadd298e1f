/** Changes of definitions: one transaction at a time per workspace, and then the wish that somebody acts on them. */
import { type Client, changeSegments } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { ApiDeps } from '../deps.ts';
import { fromPostgres } from '../http/failures.ts';

/** Runs the change and asks for an evaluation, without waiting for Redis: the segmenter also looks for what is to be done by itself. */
export async function changeDefinitions<T>(deps: ApiDeps, workspaceId: number, work: (client: Client) => Promise<T>): Promise<T> {
  const result = await fromPostgres(changeSegments(deps.pool, workspaceId, work));
  deps.evaluations.request(workspaceId).catch((error: unknown) => {
    deps.log.warn({ workspace_id: workspaceId, ...errorFields(error) }, 'asking for the evaluation of segments failed');
  });
  return result;
}
