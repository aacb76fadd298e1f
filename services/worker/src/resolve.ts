/**
 * Finds the contacts that events name, and creates the ones whose address is new. Set-based: two statements a chunk. The caller
 * is inside the erasure gate and its transaction also writes the ledger row, so a repeated chunk resolves nothing again.
 */
import { type Client, type ContactRow, insertContacts, resolveContacts } from '@muster/postgres';
import type { Entry } from './delivery/outbox.ts';
import { isoOfMicros } from './delivery/rows.ts';
import { KeyRaceError } from './errors.ts';

/** Who an event is about: an address, or only an external_id. `itemId` names the item that would create the contact. */
export type Reference = { email?: string | undefined; externalId?: string | undefined; itemId: string; ord: number };
export type Resolution = {
  /** Contact of a reference, or null: its external_id is unknown. */
  find: (reference: Pick<Reference, 'email' | 'externalId'>) => number | null;
  /** The rows of new contacts. */
  created: ContactRow[];
  entries: Entry[];
  usedIds: number;
};

export async function resolveOrCreate(
  client: Client,
  workspaceId: number,
  acceptedAt: number,
  references: readonly Reference[],
  freeIds: readonly number[],
): Promise<Resolution> {
  const byEmail = new Map<string, number>();
  const wanted = new Map<string, Reference>();
  const externalIds = new Set<string>();
  for (const r of references) {
    if (r.email !== undefined) {
      if (!wanted.has(r.email)) wanted.set(r.email, r);
    } else if (r.externalId !== undefined) externalIds.add(r.externalId);
  }
  const readEmails = async (emails: readonly string[]) => {
    for (const [email, id] of await resolveContacts(client, workspaceId, 'email', emails)) byEmail.set(email, id);
  };
  await readEmails([...wanted.keys()]);
  const byExternalId = await resolveContacts(client, workspaceId, 'external_id', [...externalIds]);
  const missing = [...wanted].filter(([email]) => !byEmail.has(email));
  const iso = isoOfMicros(acceptedAt);
  const rows: ContactRow[] = missing.map(([email], n) => ({
    contact_id: freeIds[n] ?? 0,
    email,
    external_id: null,
    created_at: iso,
    updated_at: iso,
    version: 1,
    created_by_event: true,
    fields: {},
  }));
  const inserted = await insertContacts(client, workspaceId, rows);
  const entries: Entry[] = [];
  rows.forEach((row, n) => {
    const reference = missing[n]?.[1];
    if (!reference || !inserted.has(row.contact_id)) return;
    byEmail.set(row.email, row.contact_id);
    entries.push({ c: row.contact_id, k: 'contact.created', i: `${reference.itemId}/c`, o: reference.ord });
  });
  // Somebody else created the others between our two statements: their rows are visible now.
  if (inserted.size < rows.length) await readEmails(missing.map(([email]) => email).filter((e) => !byEmail.has(e)));
  // …unless an address changed hands just then: found by neither statement, it would be taken for an unknown external_id.
  if (missing.some(([email]) => !byEmail.has(email))) throw new KeyRaceError('an address changed hands meanwhile');
  return {
    find: ({ email, externalId }) => (email !== undefined ? byEmail.get(email) : byExternalId.get(externalId ?? '')) ?? null,
    created: rows.filter((row) => inserted.has(row.contact_id)),
    entries,
    usedIds: rows.length,
  };
}
