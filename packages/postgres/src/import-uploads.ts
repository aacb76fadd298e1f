/** What an upload knows of its import besides how far it is, and taking an import away. */
import { IMPORT_COLUMNS, type ImportRow, type RawImport, toImport } from './imports.ts';
import type { Queryable } from './pool.ts';

const REJECTS_A_STATEMENT = 20_000;

/** Notes how large the file will be. Null when the import is not uploading, or another size was declared. */
export async function declareUploadSize(db: Queryable, importId: string, size: number): Promise<ImportRow | null> {
  const { rows } = await db.query<RawImport>(
    `UPDATE imports SET size = $2, updated_at = now() WHERE import_id = $1 AND status = 'uploading' AND (size IS NULL OR size = $2)
     RETURNING ${IMPORT_COLUMNS}`,
    [importId, size],
  );
  return rows[0] ? toImport(rows[0]) : null;
}

/** Takes away an import that nothing works on, and its rejected rows; false when it is at work, or gone. */
export async function removeImport(db: Queryable, workspaceId: number, importId: string): Promise<boolean> {
  const idle = `workspace_id = $1 AND import_id = $2 AND (ended_at IS NOT NULL OR status IN ('uploading', 'uploaded'))`;
  const { rows } = await db.query(`SELECT 1 FROM imports WHERE ${idle}`, [workspaceId, importId]);
  if (rows.length === 0) return false;
  // In steps: a million rejected rows at once would take longer than one statement may.
  for (;;) {
    const { rowCount } = await db.query(
      `DELETE FROM import_rejects WHERE (import_id, line) IN (
         SELECT import_id, line FROM import_rejects WHERE workspace_id = $1 AND import_id = $2 LIMIT $3)`,
      [workspaceId, importId, REJECTS_A_STATEMENT],
    );
    if ((rowCount ?? 0) < REJECTS_A_STATEMENT) break;
  }
  const { rowCount } = await db.query(`DELETE FROM imports WHERE ${idle}`, [workspaceId, importId]);
  return rowCount === 1;
}
