/**
 * Rebuilds the ClickHouse mirror of profiles and memberships from Postgres while traffic runs.
 *
 * Safe beside the workers: a row carries the version it has in Postgres, so whatever a worker wrote meanwhile is newer and wins.
 * Only an erasure could be overtaken (a page was read, the contact was erased everywhere, then the page is written): after each
 * page the contacts that are gone from Postgres get their tombstones.
 */
import {
  type ClickHouse,
  type ContactMirrorRow,
  contactMirrorRow,
  contactTombstone,
  type MembershipMirrorRow,
  membershipMirrorRow,
} from '@muster/clickhouse';
import { type MembershipRow, type Pool, pageContacts, readContacts, readMemberships, type Workspace } from '@muster/postgres';
import type { CommandLine } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { formatCount } from '../output.ts';
import { chosenWorkspaces } from './workspace.ts';

const PAGE = 5_000;

export async function rebuildMirror(deps: Deps, line: CommandLine): Promise<void> {
  for (const workspace of await chosenWorkspaces(deps, line)) {
    const written = await rebuildWorkspace(deps, workspace);
    deps.output.endProgress();
    deps.output.line(
      `${workspace.name}: ${formatCount(written.contacts)} contacts, ${formatCount(written.memberships)} memberships written.`,
    );
  }
}

async function rebuildWorkspace(deps: Deps, workspace: Workspace): Promise<{ contacts: number; memberships: number }> {
  const postgres = deps.postgres();
  const clickhouse = deps.clickhouse();
  const total = await countContacts(postgres, workspace.workspaceId);
  const written = { contacts: 0, memberships: 0 };
  for (let afterId = 0; ; ) {
    const page = await pageContacts(postgres, workspace.workspaceId, afterId, PAGE);
    const last = page.at(-1);
    if (!last) return written;
    const ids = page.map((c) => c.contact_id);
    const memberships = await readMemberships(postgres, workspace.workspaceId, ids);
    const contactRows = page.map((c) => contactMirrorRow(workspace.workspaceId, c));
    await insertRows(clickhouse, 'contacts', contactRows);
    await insertRows(
      clickhouse,
      'contact_lists',
      memberships.map((m) => membershipMirrorRow(workspace.workspaceId, m)),
    );
    await buryErased(deps, workspace.workspaceId, ids, memberships);
    afterId = last.contact_id;
    written.contacts += page.length;
    written.memberships += memberships.length;
    deps.output.progress(workspace.name, written.contacts, total);
  }
}

async function buryErased(deps: Deps, workspaceId: number, ids: readonly number[], memberships: readonly MembershipRow[]): Promise<void> {
  const present = new Set((await readContacts(deps.postgres(), workspaceId, ids)).map((c) => c.contact_id));
  const gone = ids.filter((id) => !present.has(id));
  const tombstones = gone.map((id) => contactTombstone(workspaceId, id));
  const buried = memberships
    .filter((m) => !present.has(m.contact_id))
    .map((m) => membershipMirrorRow(workspaceId, { ...m, removed: true, version: Number.MAX_SAFE_INTEGER }));
  await insertRows(deps.clickhouse(), 'contacts', tombstones);
  await insertRows(deps.clickhouse(), 'contact_lists', buried);
}

async function insertRows(clickhouse: ClickHouse, table: string, values: (ContactMirrorRow | MembershipMirrorRow)[]): Promise<void> {
  if (values.length > 0) await clickhouse.insert({ table, values, format: 'JSONEachRow' });
}

async function countContacts(postgres: Pool, workspaceId: number): Promise<number> {
  const { rows } = await postgres.query<{ n: string }>('SELECT count(*) AS n FROM contacts WHERE workspace_id = $1', [workspaceId]);
  return Number(rows[0]?.n ?? 0);
}
