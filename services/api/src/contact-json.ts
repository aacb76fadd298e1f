/** Contacts as answered: every field of a profile, null where there is no value. */
import { CONTACT_FIELDS } from '@muster/domain';
import { type ContactRow, findContact, type VisibleMembership, visibleMemberships } from '@muster/postgres';
import { contactSegments, currentSegments } from '@muster/segments';
import type { ApiDeps } from './deps.ts';
import { fromClickHouse, fromPostgres } from './http/failures.ts';

export type ContactJson = Record<string, unknown> & { contact_id: number; email: string };

export function contactJson(row: ContactRow): ContactJson {
  const json: ContactJson = { contact_id: row.contact_id, email: row.email, external_id: row.external_id };
  for (const field of CONTACT_FIELDS) json[field] = row.fields[field] ?? null;
  json.created_at = row.created_at;
  json.updated_at = row.updated_at;
  return json;
}

export function membershipJson(m: VisibleMembership) {
  return { list_id: m.list_id, status: m.status, created_at: m.created_at, updated_at: m.updated_at };
}

/** A contact with its lists and segments. */
export async function detailedContact(deps: ApiDeps, workspaceId: number, row: ContactRow): Promise<ContactJson> {
  const [memberships, segments] = await Promise.all([
    fromPostgres(visibleMemberships(deps.pool, workspaceId, [row.contact_id])),
    segmentsOfContact(deps, workspaceId, row.contact_id),
  ]);
  return { ...contactJson(row), contact_lists: memberships.map(membershipJson), contact_segments: segments };
}

async function segmentsOfContact(deps: ApiDeps, workspaceId: number, contactId: number) {
  const current = await fromPostgres(currentSegments(deps.pool, workspaceId));
  const found = await fromClickHouse(contactSegments(deps.clickhouse, workspaceId, contactId, current));
  return found.map((s) => ({ segment_id: s.segmentId, joined_at: s.joinedAt }));
}

/** The contact that an applied item concerned, or null when it has been erased since. */
export async function contactAfter(deps: ApiDeps, workspaceId: number, contactId: number | undefined): Promise<ContactJson | null> {
  if (contactId === undefined) return null;
  const row = await fromPostgres(findContact(deps.pool, workspaceId, { contactId }));
  return row ? detailedContact(deps, workspaceId, row) : null;
}
