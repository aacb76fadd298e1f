/** Which identifiers of a chunk were erased after it was accepted. Read inside the erasure gate, so nothing can be erased until commit. */
import { type Client, erasedContacts, erasedSince, hasErasures, identityHash } from '@muster/postgres';

export type Tombstones = {
  isErased: (kind: 'email' | 'external_id', value: string) => boolean;
  isErasedContact: (contactId: number) => boolean;
};

const NONE: Tombstones = { isErased: () => false, isErasedContact: () => false };

export async function readTombstones(
  client: Client,
  workspaceId: number,
  hashKey: string,
  acceptedAt: number,
  keys: { emails: readonly string[]; externalIds: readonly string[]; contactIds: readonly number[] },
): Promise<Tombstones> {
  // Most workspaces have none, and then a thousand keyed hashes a chunk would be for nothing.
  if (!(await hasErasures(client, workspaceId))) return NONE;
  const hashOf = (kind: 'email' | 'external_id', value: string) => identityHash(hashKey, kind, value);
  const hashes = [...keys.emails.map((e) => hashOf('email', e)), ...keys.externalIds.map((e) => hashOf('external_id', e))];
  const since = await erasedSince(client, workspaceId, hashes);
  const contacts = await erasedContacts(client, workspaceId, keys.contactIds);
  return {
    isErased: (kind, value) => since.size > 0 && (since.get(hashOf(kind, value)) ?? 0) >= acceptedAt,
    isErasedContact: (contactId) => contacts.has(contactId),
  };
}
