/**
 * Erasure: the profile goes at once, a tombstone of keyed hashes stays, and the sweep purges ClickHouse later.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { closeErasureGate } from './locks.ts';
import { inTransaction, type Pool, type Queryable } from './pool.ts';

/** HMAC-SHA-256 of an identifier, as hex. Keyed, because a plain hash of an address can be guessed by trying addresses. */
export function identityHash(hashKey: string, kind: 'email' | 'external_id', value: string): string {
  return createHmac('sha256', hashKey).update(`${kind}\0${value}`).digest('hex');
}

export type EraseTarget = { email: string } | { contactId: number };
export type Erasure = { erasureId: string; contactId: number | null };

/**
 * Erases a contact in Postgres in one transaction, alone at the workspace's gate: no writer can have read the contact before
 * and write it afterwards. Also leaves a tombstone for an address that has no contact yet, because its upsert may still wait
 * in a lane. `erasedAt` is Redis time in microseconds, taken when the call was accepted: items accepted until then end as
 * `erased`. Returns contactId null when the address had no contact, and null when a contact id is unknown.
 */
export async function eraseContact(
  pool: Pool,
  workspaceId: number,
  target: EraseTarget,
  erasedAt: number,
  hashKey: string,
): Promise<Erasure | null> {
  return inTransaction(pool, async (client) => {
    await closeErasureGate(client, workspaceId);
    const { rows } = await client.query<{ contact_id: number; email: string; external_id: string | null }>(
      `SELECT contact_id, email, external_id FROM contacts WHERE workspace_id = $1 AND ${'email' in target ? 'email' : 'contact_id'} = $2`,
      [workspaceId, 'email' in target ? target.email : target.contactId],
    );
    const contact = rows[0];
    const email = contact?.email ?? ('email' in target ? target.email : null);
    if (email === null) return null;
    const erasureId = randomUUID();
    const emailHash = identityHash(hashKey, 'email', email);
    const externalHash = contact?.external_id ? identityHash(hashKey, 'external_id', contact.external_id) : null;
    await client.query(
      `INSERT INTO erasures (erasure_id, workspace_id, contact_id, email_hash, external_hash, erased_at)
       VALUES ($1, $2, $3, decode($4, 'hex'), decode($5, 'hex'), $6)`,
      [erasureId, workspaceId, contact?.contact_id ?? null, emailHash, externalHash, erasedAt],
    );
    for (const table of ['rejections', 'import_rejects'])
      await client.query(`DELETE FROM ${table} WHERE workspace_id = $1 AND email_hash IN (decode($2, 'hex'), decode($3, 'hex'))`, [
        workspaceId,
        emailHash,
        externalHash,
      ]);
    if (contact) {
      const byContact = [workspaceId, contact.contact_id];
      await client.query('DELETE FROM contact_lists WHERE workspace_id = $1 AND contact_id = $2', byContact);
      await client.query('DELETE FROM custom_event_heads WHERE workspace_id = $1 AND contact_id = $2', byContact);
      await client.query('DELETE FROM contacts WHERE workspace_id = $1 AND contact_id = $2', byContact);
      if (contact.external_id)
        await client.query('DELETE FROM parked_items WHERE workspace_id = $1 AND external_id = $2', [workspaceId, contact.external_id]);
    }
    return { erasureId, contactId: contact?.contact_id ?? null };
  });
}

/** Latest erasure (microseconds) per identifier hash, for the hashes given; the caller is inside the gate. */
export async function erasedSince(db: Queryable, workspaceId: number, hashes: readonly string[]): Promise<Map<string, number>> {
  if (hashes.length === 0) return new Map();
  const { rows } = await db.query<{ hash: string; erased_at: string | null }>(
    `SELECT k AS hash, greatest(
       (SELECT max(erased_at) FROM erasures WHERE workspace_id = $1 AND email_hash = decode(k, 'hex')),
       (SELECT max(erased_at) FROM erasures WHERE workspace_id = $1 AND external_hash = decode(k, 'hex'))) AS erased_at
     FROM unnest($2::text[]) AS k`,
    [workspaceId, hashes],
  );
  return new Map(rows.flatMap((r) => (r.erased_at === null ? [] : [[r.hash, Number(r.erased_at)] as const])));
}

/** True when the workspace has any tombstone: most have none, and then no hash needs to be computed. */
export async function hasErasures(db: Queryable, workspaceId: number): Promise<boolean> {
  const { rows } = await db.query('SELECT 1 FROM erasures WHERE workspace_id = $1 LIMIT 1', [workspaceId]);
  return rows.length > 0;
}

export type OpenErasure = {
  erasure_id: string;
  workspace_id: number;
  contact_id: number | null;
  age_seconds: number;
  swept: boolean;
  compacted: boolean;
};

/** Erasures that are not complete, oldest first. */
export async function openErasures(db: Queryable, limit: number): Promise<OpenErasure[]> {
  const { rows } = await db.query<OpenErasure>(
    `SELECT erasure_id, workspace_id, contact_id, extract(epoch FROM now())::float8 - erased_at / 1e6 AS age_seconds,
       swept_at IS NOT NULL AS swept, compacted_at IS NOT NULL AS compacted
     FROM erasures WHERE status = 'erasing' ORDER BY erased_at LIMIT $1`,
    [limit],
  );
  return rows;
}

export async function markSwept(db: Queryable, erasureIds: readonly string[]): Promise<void> {
  await db.query('UPDATE erasures SET swept_at = now() WHERE erasure_id = ANY($1::uuid[])', [erasureIds]);
}

/** After a compaction: every erasure swept before `sweptBefore` has left the files of Postgres and Redis, too. */
export async function markCompacted(db: Queryable, sweptBefore: Date): Promise<void> {
  await db.query("UPDATE erasures SET compacted_at = now() WHERE status = 'erasing' AND swept_at < $1", [sweptBefore]);
}

export async function completeErasures(db: Queryable, erasureIds: readonly string[]): Promise<void> {
  await db.query("UPDATE erasures SET status = 'erased', completed_at = now() WHERE erasure_id = ANY($1::uuid[])", [erasureIds]);
}

export type ErasureStatus = { erasure_id: string; status: 'erasing' | 'erased'; swept_at: Date | null; completed_at: Date | null };

export async function findErasure(db: Queryable, workspaceId: number, erasureId: string): Promise<ErasureStatus | null> {
  const { rows } = await db.query<ErasureStatus>(
    'SELECT erasure_id, status, swept_at, completed_at FROM erasures WHERE workspace_id = $1 AND erasure_id = $2',
    [workspaceId, erasureId],
  );
  return rows[0] ?? null;
}

/** Which of the contact ids were erased. */
export async function erasedContacts(db: Queryable, workspaceId: number, contactIds: readonly number[]): Promise<Set<number>> {
  if (contactIds.length === 0) return new Set();
  const { rows } = await db.query<{ contact_id: number }>(
    'SELECT contact_id FROM erasures WHERE workspace_id = $1 AND contact_id = ANY($2::int[])',
    [workspaceId, contactIds],
  );
  return new Set(rows.map((r) => r.contact_id));
}
