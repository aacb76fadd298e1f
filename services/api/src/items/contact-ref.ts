/** How calls about one contact name it: by email, contact_id or external_id. */
import { type ContactRow, findContact } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import { fail, invalid } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';
import { contactIdParam, emailParam, externalIdParam } from '../http/query.ts';

export type ContactRef = { email: string } | { contactId: number } | { externalId: string };

/** @throws ApiError 422 unless exactly one of the three is given and valid. */
export function contactRef(given: { email?: unknown; contact_id?: unknown; external_id?: unknown }): ContactRef {
  const present = (['email', 'contact_id', 'external_id'] as const).filter((name) => given[name] !== undefined && given[name] !== null);
  const [name] = present;
  if (name === undefined) throw invalid('email', 'required', 'Name the contact by email or contact_id.');
  if (present.length > 1) throw invalid(present[1] ?? '', 'invalid_value', 'Name the contact in one way only.');
  if (name === 'email') return { email: emailParam(given.email) };
  if (name === 'contact_id') return { contactId: contactIdParam(given.contact_id) };
  return { externalId: externalIdParam(given.external_id) };
}

/** The contact. @throws ApiError 404 */
export async function requireContact(deps: ApiDeps, workspaceId: number, ref: ContactRef): Promise<ContactRow> {
  const contact = await fromPostgres(findContact(deps.pool, workspaceId, ref));
  if (!contact) throw fail('contact_not_found');
  return contact;
}

/** Its email, which names the lane; asks Postgres only when the caller named it otherwise. @throws ApiError 404 */
export async function emailOf(deps: ApiDeps, workspaceId: number, ref: ContactRef): Promise<{ email: string; contactId: number | null }> {
  if ('email' in ref) return { email: ref.email, contactId: null };
  const contact = await requireContact(deps, workspaceId, ref);
  return { email: contact.email, contactId: contact.contact_id };
}
