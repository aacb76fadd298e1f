/** Profiles: reading rows for a merge, set-based writes, and the reads of the API. One statement per function. */
import { isoTime } from './iso-time.ts';
import type { Queryable } from './pool.ts';

export type JsonFields = Record<string, unknown>;

/** One profile as stored. Times are ISO UTC with milliseconds. */
export type ContactRow = {
  contact_id: number;
  email: string;
  external_id: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  created_by_event: boolean;
  fields: JsonFields;
};

const COLUMNS = 'contact_id, email, external_id, created_at, updated_at, version, created_by_event, fields';
const SELECTED =
  'contact_id, email, external_id, created_at::text AS created_at, updated_at::text AS updated_at, version, created_by_event, fields';

/** Times as the driver's text become ISO, in place: the row is nobody else's. */
function toRow(row: ContactRow): ContactRow {
  row.created_at = isoTime(row.created_at);
  row.updated_at = isoTime(row.updated_at);
  return row;
}

export type ContactKeys = { emails: readonly string[]; externalIds: readonly string[]; contactIds: readonly number[] };

/**
 * One index probe per key. Written as `= ANY(keys)`, a database that has not analysed the table yet (the first minutes of a new
 * installation) takes the primary key's prefix instead and reads the whole workspace for every chunk: 97 ms at 80,000 contacts
 * against 1 ms.
 */
const PROBE_EMAILS = `SELECT c.* FROM unnest($2::text[]) AS k(v) CROSS JOIN LATERAL
  (SELECT contact_id, email, external_id FROM contacts WHERE workspace_id = $1 AND email = k.v LIMIT 1) AS c`;
const PROBE_EXTERNAL_IDS = `SELECT c.* FROM unnest($3::text[]) AS k(v) CROSS JOIN LATERAL
  (SELECT contact_id, email, external_id FROM contacts WHERE workspace_id = $1 AND external_id = k.v LIMIT 1) AS c`;

/** Every contact that any of the keys names, locked for update in id order (unordered lockers deadlock). */
export async function lockContacts(db: Queryable, workspaceId: number, keys: ContactKeys): Promise<ContactRow[]> {
  const { rows } = await db.query<ContactRow>(
    `SELECT ${SELECTED} FROM contacts WHERE workspace_id = $1 AND contact_id = ANY(ARRAY(
       SELECT contact_id FROM (${PROBE_EMAILS}) AS e UNION SELECT contact_id FROM (${PROBE_EXTERNAL_IDS}) AS x UNION SELECT unnest($4::int[])))
     ORDER BY contact_id FOR NO KEY UPDATE`,
    [workspaceId, keys.emails, keys.externalIds, keys.contactIds],
  );
  return rows.map(toRow);
}

/**
 * Inserts new contacts; an address or id that another transaction took since our read is left out of the answer (the caller
 * repeats its transaction then, and sees the row). Returns the contact ids inserted.
 */
export async function insertContacts(db: Queryable, workspaceId: number, contacts: readonly ContactRow[]): Promise<Set<number>> {
  if (contacts.length === 0) return new Set();
  const { rows } = await db.query<{ contact_id: number }>(
    `INSERT INTO contacts (workspace_id, ${COLUMNS})
     SELECT $1, ${COLUMNS} FROM jsonb_to_recordset($2::jsonb) AS r(contact_id int, email text, external_id text,
       created_at timestamptz, updated_at timestamptz, version int, created_by_event boolean, fields jsonb)
     ORDER BY email ON CONFLICT DO NOTHING RETURNING contact_id`,
    [workspaceId, JSON.stringify(contacts)],
  );
  return new Set(rows.map((r) => r.contact_id));
}

/**
 * Takes unique keys away from rows that give them up, before {@link updateContacts} hands them to others: unique indexes are
 * checked row by row, so a swap within one statement would fail. Emails get a placeholder that no address can equal.
 */
export async function releaseKeys(
  db: Queryable,
  workspaceId: number,
  input: { emails: readonly number[]; externalIds: readonly number[] },
): Promise<void> {
  if (input.externalIds.length > 0)
    await db.query('UPDATE contacts SET external_id = NULL WHERE workspace_id = $1 AND contact_id = ANY($2::int[])', [
      workspaceId,
      input.externalIds,
    ]);
  if (input.emails.length > 0)
    await db.query("UPDATE contacts SET email = '~' || contact_id WHERE workspace_id = $1 AND contact_id = ANY($2::int[])", [
      workspaceId,
      input.emails,
    ]);
}

/** Writes the last state of contacts that are locked by this transaction. */
export async function updateContacts(db: Queryable, workspaceId: number, contacts: readonly ContactRow[]): Promise<void> {
  if (contacts.length === 0) return;
  await db.query(
    `UPDATE contacts AS c SET email = r.email, external_id = r.external_id, created_at = r.created_at, updated_at = r.updated_at,
       version = r.version, created_by_event = r.created_by_event, fields = r.fields
     FROM jsonb_to_recordset($2::jsonb) AS r(contact_id int, email text, external_id text,
       created_at timestamptz, updated_at timestamptz, version int, created_by_event boolean, fields jsonb)
     WHERE c.workspace_id = $1 AND c.contact_id = r.contact_id`,
    [workspaceId, JSON.stringify(contacts)],
  );
}

/** Contacts by id, without locks; erased ones are absent. */
export async function readContacts(db: Queryable, workspaceId: number, contactIds: readonly number[]): Promise<ContactRow[]> {
  if (contactIds.length === 0) return [];
  const { rows } = await db.query<ContactRow>(
    `SELECT ${SELECTED} FROM contacts WHERE workspace_id = $1 AND contact_id = ANY($2::int[]) ORDER BY contact_id`,
    [workspaceId, contactIds],
  );
  return rows.map(toRow);
}

/** One contact by exactly one of its identifiers. */
export async function findContact(
  db: Queryable,
  workspaceId: number,
  by: { email: string } | { externalId: string } | { contactId: number },
): Promise<ContactRow | null> {
  const [column, value] =
    'email' in by ? ['email', by.email] : 'externalId' in by ? ['external_id', by.externalId] : ['contact_id', by.contactId];
  const { rows } = await db.query<ContactRow>(`SELECT ${SELECTED} FROM contacts WHERE workspace_id = $1 AND ${column} = $2`, [
    workspaceId,
    value,
  ]);
  return rows[0] ? toRow(rows[0]) : null;
}

/**
 * Ids of the contacts that have the given values of a unique column, by value. Answered as two numbers a row, the place in the
 * question and the id: sending addresses back and reading them again was a tenth of resolving a thousand events.
 */
export async function resolveContacts(
  db: Queryable,
  workspaceId: number,
  column: 'email' | 'external_id',
  values: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  if (values.length === 0) return found;
  const { rows } = await db.query<{ n: number; contact_id: number }>(
    `SELECT k.n::int AS n, c.contact_id FROM unnest($2::text[]) WITH ORDINALITY AS k(v, n) CROSS JOIN LATERAL
       (SELECT contact_id FROM contacts WHERE workspace_id = $1 AND ${column} = k.v LIMIT 1) AS c`,
    [workspaceId, values],
  );
  for (const { n, contact_id } of rows) {
    const value = values[n - 1];
    if (value !== undefined) found.set(value, contact_id);
  }
  return found;
}

/** A page of all contacts in id order, for rebuilding the mirror. */
export async function pageContacts(db: Queryable, workspaceId: number, afterId: number, limit: number): Promise<ContactRow[]> {
  const { rows } = await db.query<ContactRow>(
    `SELECT ${SELECTED} FROM contacts WHERE workspace_id = $1 AND contact_id > $2 ORDER BY contact_id LIMIT $3`,
    [workspaceId, afterId, limit],
  );
  return rows.map(toRow);
}
