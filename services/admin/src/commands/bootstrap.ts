import { createKey, createWorkspace, SCOPES } from '@muster/postgres';
import { type CommandLine, chosenKey, requireOption, workspaceName } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { UsageError } from '../errors.ts';
import { mustFindWorkspace } from './workspace.ts';

/** A workspace and a key of every scope without a rate limit: what a development stack starts with. Repeating it changes nothing. */
export async function bootstrap(deps: Deps, line: CommandLine): Promise<void> {
  const name = workspaceName(requireOption(line, 'workspace'));
  const given = line.options.key ?? deps.config.MUSTER_DEV_KEY;
  if (given === undefined || given === '') throw new UsageError('--key is missing (or set MUSTER_DEV_KEY)');
  const key = chosenKey(given);
  await createWorkspace(deps.postgres(), { name, timezone: 'UTC', country: null });
  const { workspaceId } = await mustFindWorkspace(deps, name);
  await createKey(deps.postgres(), { workspaceId, name: 'bootstrap', scopes: SCOPES, rateLimit: null, key });
  deps.output.line(`Workspace "${name}" is ready; the given key may do everything in it.`);
}
