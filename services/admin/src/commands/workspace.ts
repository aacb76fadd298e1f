import { createWorkspace, findWorkspace, listWorkspaces, type Workspace } from '@muster/postgres';
import { type CommandLine, country, timezone, workspaceName } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { CommandError } from '../errors.ts';
import { formatTable } from '../output.ts';

export async function createWorkspaceCommand(deps: Deps, line: CommandLine): Promise<void> {
  const name = workspaceName(line.words[0] ?? '');
  const zone = timezone(line.options.timezone ?? 'UTC');
  const code = line.options.country === undefined ? null : country(line.options.country);
  const made = await createWorkspace(deps.postgres(), { name, timezone: zone, country: code });
  if (!made) throw new CommandError(`there is a workspace "${name}" already: \`workspace list\` shows it`);
  deps.output.line(`Workspace "${made.name}" created. Give it a key with \`key create --workspace ${made.name} …\`.`);
}

export async function listWorkspacesCommand(deps: Deps): Promise<void> {
  const workspaces = await listWorkspaces(deps.postgres());
  if (workspaces.length === 0) return deps.output.line('There is no workspace yet: `workspace create NAME` makes one.');
  const rows = workspaces.map((w) => [String(w.workspaceId), w.name, w.timezone, w.country ?? '-']);
  for (const text of formatTable(['id', 'name', 'timezone', 'country'], rows)) deps.output.line(text);
}

/** @throws CommandError when there is no such workspace. */
export async function mustFindWorkspace(deps: Deps, name: string): Promise<Workspace> {
  const found = await findWorkspace(deps.postgres(), name);
  if (!found) throw new CommandError(`there is no workspace "${name}": \`workspace list\` shows them`);
  return found;
}

/** The named workspace, or all of them. */
export async function chosenWorkspaces(deps: Deps, line: CommandLine): Promise<Workspace[]> {
  const name = line.options.workspace;
  return name === undefined ? listWorkspaces(deps.postgres()) : [await mustFindWorkspace(deps, name)];
}
