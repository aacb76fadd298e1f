import { createKey, listKeys, revokeKey } from '@muster/postgres';
import { type CommandLine, positive, requireOption, scopes } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { CommandError, UsageError } from '../errors.ts';
import { formatTable } from '../output.ts';
import { mustFindWorkspace } from './workspace.ts';

/** Prints the key alone on standard output's last line, so that a script can take it from there. */
export async function createKeyCommand(deps: Deps, line: CommandLine): Promise<void> {
  const workspaceName = requireOption(line, 'workspace');
  const name = requireOption(line, 'name');
  if (name.length > 100) throw new UsageError('--name has at most 100 characters');
  const granted = scopes(requireOption(line, 'scopes'));
  const rateLimit = line.options.rate === undefined ? null : positive('rate', line.options.rate);
  const workspace = await mustFindWorkspace(deps, workspaceName);
  const { keyId, key } = await createKey(deps.postgres(), { workspaceId: workspace.workspaceId, name, scopes: granted, rateLimit });
  deps.output.line(`Key ${keyId} of workspace "${workspace.name}" (${granted.join(', ')}). It is shown this once and not stored:`);
  deps.output.line(key);
}

export async function listKeysCommand(deps: Deps, line: CommandLine): Promise<void> {
  const workspace = await mustFindWorkspace(deps, requireOption(line, 'workspace'));
  const keys = await listKeys(deps.postgres(), workspace.workspaceId);
  if (keys.length === 0) return deps.output.line('The workspace has no key yet: `key create` makes one.');
  const rows = keys.map((k) => [
    String(k.key_id),
    k.name,
    `${k.prefix}…`,
    k.scopes.join(','),
    k.rate_limit === null ? '-' : `${k.rate_limit}/s`,
    k.last_used_at?.toISOString() ?? 'never',
    k.revoked_at ? `revoked ${k.revoked_at.toISOString()}` : 'live',
  ]);
  for (const text of formatTable(['id', 'name', 'prefix', 'scopes', 'rate', 'last used', 'state'], rows)) deps.output.line(text);
}

export async function revokeKeyCommand(deps: Deps, line: CommandLine): Promise<void> {
  const name = requireOption(line, 'workspace');
  const id = positive('id', requireOption(line, 'id'));
  const workspace = await mustFindWorkspace(deps, name);
  if (!(await revokeKey(deps.postgres(), workspace.workspaceId, id)))
    throw new CommandError(`workspace "${name}" has no live key ${id}: \`key list --workspace ${name}\` shows its keys`);
  deps.output.line(`Key ${id} is revoked.`);
}
