/** Rejected rows of CSV imports, with their cells as they were in the file. */
import { erasedSince, hasErasures } from './erasures.ts';
import { enterErasureGate } from './locks.ts';
import type { Client, Queryable } from './pool.ts';

export type ImportReject = {
  /** 1-based line of the file where the record starts. */
  line: number;
  /** 0-based; null where no single column is to blame. */
  column: number | null;
  code: string;
  message: string;
  /** Empty for a row that could not be read, then `raw` is its text, and for one whose person was erased. */
  cells: string[];
  raw: string | null;
};
/** `emailHash` (hex) finds the row for an erasure. */
export type NewImportReject = ImportReject & { emailHash: string | null };

/**
 * Records rejected rows; one that is recorded already (the row was read again) is left alone. Of people erased at or after
 * `acceptedAt` only line and code are kept. Inside a transaction.
 */
export async function recordImportRejects(
  client: Client,
  target: { importId: string; workspaceId: number; acceptedAt: number },
  rejects: readonly NewImportReject[],
): Promise<void> {
  if (rejects.length === 0) return;
  await enterErasureGate(client, target.workspaceId);
  const hashes = [...new Set(rejects.flatMap((r) => r.emailHash ?? []))];
  const erased = (await hasErasures(client, target.workspaceId))
    ? await erasedSince(client, target.workspaceId, hashes)
    : new Map<string, number>();
  const rows = rejects.map((r) => {
    const gone = r.emailHash !== null && (erased.get(r.emailHash) ?? 0) >= target.acceptedAt;
    const kept = gone ? { cells: [], raw: null, emailHash: null } : r;
    return {
      ...{ line: r.line, column_index: r.column, code: r.code, message: r.message },
      // Postgres takes no NUL; a row that holds one is rejected for it.
      ...{ cells: kept.cells.map(withoutNul), raw: kept.raw === null ? null : withoutNul(kept.raw), email_hash: kept.emailHash },
    };
  });
  await client.query(
    `INSERT INTO import_rejects (import_id, workspace_id, line, column_index, code, message, cells, raw, email_hash)
     SELECT $1, $2, line, column_index, code, message, ARRAY(SELECT jsonb_array_elements_text(cells)), raw, decode(email_hash, 'hex')
     FROM jsonb_to_recordset($3::jsonb) AS r(line bigint, column_index int, code text, message text, cells jsonb, raw text, email_hash text)
     ON CONFLICT (import_id, line) DO NOTHING`,
    [target.importId, target.workspaceId, JSON.stringify(rows)],
  );
}

const withoutNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\u{fffd}') : text);

/** A page of rejected rows in the order of the file: those behind `afterLine` (0 = from the start). */
export async function pageRejects(
  db: Queryable,
  workspaceId: number,
  importId: string,
  query: { afterLine: number; limit: number },
): Promise<ImportReject[]> {
  const { rows } = await db.query<Omit<ImportReject, 'line' | 'column'> & { line: string; column_index: number | null }>(
    `SELECT line, column_index, code, message, cells, raw FROM import_rejects
     WHERE workspace_id = $1 AND import_id = $2 AND line > $3 ORDER BY line LIMIT $4`,
    [workspaceId, importId, query.afterLine, query.limit],
  );
  return rows.map(({ line, column_index, ...rest }) => ({ line: Number(line), column: column_index, ...rest }));
}

/** Drops rejected rows older than `days`, at most `limit` a call; returns how many. */
export async function pruneImportRejects(db: Queryable, days: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM import_rejects WHERE (import_id, line) IN (
       SELECT import_id, line FROM import_rejects WHERE created_at < now() - $1 * interval '1 day' LIMIT $2)`,
    [days, limit],
  );
  return rowCount ?? 0;
}
