/**
 * CSV imports as their owners see and steer them. What runs one is in `import-runs.ts`, rejected rows in `import-rejects.ts`.
 *
 *   uploading ──▶ uploaded ──▶ running ◀──▶ paused
 *       │             │          │ │           │
 *       │             │          │ └▶ completed │
 *       └─▶ failed ◀──┴──────────┘              │
 *   uploading, uploaded, running, paused ──▶ cancelled
 *
 * Every transition is one statement that names the states it may come from; one that does not apply changes nothing and returns null.
 */
import { inTransaction, type Pool, type Queryable } from './pool.ts';

export const IMPORT_STATUSES = ['uploading', 'uploaded', 'running', 'paused', 'completed', 'cancelled', 'failed'] as const;
export type ImportStatus = (typeof IMPORT_STATUSES)[number];

export type ImportCounts = { created: number; updated: number; unchanged: number; rejected: number; duplicate: number };
export type ImportError = { code: string; message: string };

export type ImportRow = {
  import_id: string;
  workspace_id: number;
  file_name: string;
  status: ImportStatus;
  /** Bytes of the file, as declared until it is uploaded; null = not known yet. */
  size: number | null;
  received: number;
  /** Hex; as declared until the file is uploaded, then as computed. */
  sha256: string | null;
  /** As they were stored; parsed before they are used (`dialectSchema`, `mappingSchema`, `importOptionsSchema` of @muster/csv). */
  dialect: unknown;
  mapping: unknown;
  options: unknown;
  list_ids: string[];
  dry_run: boolean;
  phase: 'scan' | 'apply' | null;
  /** Bytes that the scan has read. */
  scanned: number;
  /** Records found so far; final once the phase is `apply` or the import has ended. */
  records: number;
  done: number;
  counts: ImportCounts;
  memberships: Record<string, number>;
  /** Rows a second of the last seconds; null while nothing is running. */
  rate: number | null;
  error: ImportError | null;
  created_by: number | null;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  updated_at: Date;
};

type Big = 'size' | 'received' | 'scanned' | 'records' | 'done';
type RawRow = Omit<ImportRow, Big | 'counts'> & Record<Exclude<Big, 'size'> | keyof ImportCounts, string> & { size: string | null };

export const IMPORT_COLUMNS = `import_id, workspace_id, file_name, status, size, received, sha256, dialect, mapping, options, list_ids, dry_run, phase,
  scanned, records, done, created, updated, unchanged, rejected, duplicate, memberships, rate, error, created_by, created_at, started_at,
  ended_at, updated_at`;

export function toImport(raw: RawRow): ImportRow {
  const { created, updated, unchanged, rejected, duplicate, ...rest } = raw;
  return {
    ...rest,
    size: raw.size === null ? null : Number(raw.size),
    received: Number(raw.received),
    scanned: Number(raw.scanned),
    records: Number(raw.records),
    done: Number(raw.done),
    counts: {
      created: Number(created),
      updated: Number(updated),
      unchanged: Number(unchanged),
      rejected: Number(rejected),
      duplicate: Number(duplicate),
    },
  };
}

export type RawImport = RawRow;
const one = (rows: readonly RawRow[]): ImportRow | null => (rows[0] ? toImport(rows[0]) : null);

export type NewImport = {
  /** A UUIDv7: pages are in its order. */
  importId: string;
  workspaceId: number;
  fileName: string;
  size: number | null;
  sha256: string | null;
  createdBy: number | null;
};

export async function createImport(db: Queryable, input: NewImport): Promise<ImportRow> {
  const { rows } = await db.query<RawRow>(
    `INSERT INTO imports (import_id, workspace_id, file_name, size, sha256, created_by) VALUES ($1, $2, $3, $4, $5, $6)
     RETURNING ${IMPORT_COLUMNS}`,
    [input.importId, input.workspaceId, input.fileName, input.size, input.sha256, input.createdBy],
  );
  const created = one(rows);
  if (!created) throw new Error('an insert returned no row');
  return created;
}

export async function findImport(db: Queryable, workspaceId: number, importId: string): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(`SELECT ${IMPORT_COLUMNS} FROM imports WHERE workspace_id = $1 AND import_id = $2`, [
    workspaceId,
    importId,
  ]);
  return one(rows);
}

/** A page, newest first; `before` is the last id of the page before it. */
export async function listImports(
  db: Queryable,
  workspaceId: number,
  query: { before: string | null; limit: number; status: ImportStatus | null },
): Promise<ImportRow[]> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${IMPORT_COLUMNS} FROM imports WHERE workspace_id = $1 AND ($2::uuid IS NULL OR import_id < $2) AND ($4::text IS NULL OR status = $4)
     ORDER BY import_id DESC LIMIT $3`,
    [workspaceId, query.before, query.limit, query.status],
  );
  return rows.map(toImport);
}

/** The earlier import of the same file: one that is uploading to running (or paused), or completed and no dry run. */
export async function findBySha(
  db: Queryable,
  workspaceId: number,
  sha256: string,
  exceptId: string | null = null,
): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `SELECT ${IMPORT_COLUMNS} FROM imports
     WHERE workspace_id = $1 AND sha256 = $2 AND status NOT IN ('cancelled', 'failed') AND NOT (status = 'completed' AND dry_run)
       AND import_id IS DISTINCT FROM $3::uuid
     ORDER BY import_id LIMIT 1`,
    [workspaceId, sha256, exceptId],
  );
  return one(rows);
}

/** Bytes that are on the disk so far; never fewer than before. Null when the import is not uploading. */
export async function noteReceived(db: Queryable, importId: string, received: number): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE imports SET received = greatest(received, $2), updated_at = now() WHERE import_id = $1 AND status = 'uploading'
     RETURNING ${IMPORT_COLUMNS}`,
    [importId, received],
  );
  return one(rows);
}

/** uploading → uploading, from the beginning: the bytes received so far are dropped (a plain upload that is sent again). */
export async function restartUpload(db: Queryable, importId: string): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE imports SET received = 0, updated_at = now() WHERE import_id = $1 AND status = 'uploading' RETURNING ${IMPORT_COLUMNS}`,
    [importId],
  );
  return one(rows);
}

/** uploading → uploaded: the whole file is on the disk, and it can be read. */
export async function markUploaded(
  db: Queryable,
  importId: string,
  file: { size: number; sha256: string; dialect: unknown },
): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE imports SET status = 'uploaded', size = $2, received = $2, sha256 = $3, dialect = $4, updated_at = now()
     WHERE import_id = $1 AND status = 'uploading' RETURNING ${IMPORT_COLUMNS}`,
    [importId, file.size, file.sha256, JSON.stringify(file.dialect)],
  );
  return one(rows);
}

export type StartInput = {
  workspaceId: number;
  importId: string;
  mapping: unknown;
  /** `importOptionsSchema` of @muster/csv. */
  options: unknown;
  listIds: readonly string[];
  dryRun: boolean;
  /** Redis time, microseconds. */
  acceptedAt: number;
  /** Starts it although the same file was imported before. */
  force: boolean;
};
export type StartOutcome =
  | { outcome: 'started'; row: ImportRow }
  /** The same file is being imported, or was. */
  | { outcome: 'exists'; row: ImportRow }
  /** The import is not in the state `uploaded`. */
  | { outcome: 'conflict'; row: ImportRow }
  | { outcome: 'not_found' };

/** uploaded → running. Two starts of one file, in two imports at the same time, are decided one after the other. */
export function startImport(pool: Pool, input: StartInput): Promise<StartOutcome> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<RawRow>(
      `SELECT ${IMPORT_COLUMNS} FROM imports WHERE workspace_id = $1 AND import_id = $2 FOR UPDATE`,
      [input.workspaceId, input.importId],
    );
    const found = one(rows);
    if (!found) return { outcome: 'not_found' };
    if (found.status !== 'uploaded') return { outcome: 'conflict', row: found };
    if (!input.force && found.sha256 !== null) {
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, $2))', [`import|${found.sha256}`, input.workspaceId]);
      const { rows: earlier } = await client.query<RawRow>(
        `SELECT ${IMPORT_COLUMNS} FROM imports WHERE workspace_id = $1 AND sha256 = $2 AND import_id <> $3
           AND (status IN ('running', 'paused') OR (status = 'completed' AND NOT dry_run)) ORDER BY import_id LIMIT 1`,
        [input.workspaceId, found.sha256, input.importId],
      );
      const same = one(earlier);
      if (same) return { outcome: 'exists', row: same };
    }
    const { rows: started } = await client.query<RawRow>(
      `UPDATE imports SET status = 'running', phase = 'scan', mapping = $2, options = $3, list_ids = $4, dry_run = $5, accepted_at = $6,
         started_at = now(), updated_at = now() WHERE import_id = $1 AND status = 'uploaded' RETURNING ${IMPORT_COLUMNS}`,
      [
        ...[input.importId, JSON.stringify(input.mapping), JSON.stringify(input.options), [...input.listIds], input.dryRun],
        input.acceptedAt,
      ],
    );
    const row = one(started);
    return row ? { outcome: 'started', row } : { outcome: 'conflict', row: found };
  });
}

/** running → paused. What was given to lanes already is still applied and counted. */
export function pauseImport(db: Queryable, workspaceId: number, importId: string): Promise<ImportRow | null> {
  return steer(db, workspaceId, importId, `status = 'paused', rate = NULL`, `status = 'running'`);
}

/** paused → running. */
export function resumeImport(db: Queryable, workspaceId: number, importId: string): Promise<ImportRow | null> {
  return steer(db, workspaceId, importId, `status = 'running'`, `status = 'paused'`);
}

/**
 * uploading, uploaded, running, paused → cancelled. One that was started ends when what was given to lanes already is counted; until
 * then `ended_at` is null and its worker still needs its file.
 */
export function cancelImport(db: Queryable, workspaceId: number, importId: string): Promise<ImportRow | null> {
  return steer(
    ...([db, workspaceId, importId] as const),
    `status = 'cancelled', rate = NULL, ended_at = CASE WHEN started_at IS NULL THEN now() END`,
    `status IN ('uploading', 'uploaded', 'running', 'paused')`,
  );
}

/** uploading → failed, for a file that cannot be taken (not text, larger than it may be, another sha256 than declared). */
export async function failUpload(db: Queryable, importId: string, error: ImportError): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE imports SET status = 'failed', error = $2, ended_at = now(), updated_at = now() WHERE import_id = $1 AND status = 'uploading'
     RETURNING ${IMPORT_COLUMNS}`,
    [importId, JSON.stringify(error)],
  );
  return one(rows);
}

/** uploading, uploaded → failed, for those nobody has touched for `hours`. Returns their ids. */
export async function expireUploads(db: Queryable, hours: number, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ import_id: string }>(
    `UPDATE imports SET status = 'failed', error = $3, ended_at = now(), updated_at = now() WHERE import_id IN (
       SELECT import_id FROM imports WHERE ended_at IS NULL AND status IN ('uploading', 'uploaded')
         AND updated_at < now() - $1 * interval '1 hour' LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING import_id`,
    [hours, limit, JSON.stringify({ code: 'upload_expired', message: 'The import was not started in time; create it again.' })],
  );
  return rows.map((r) => r.import_id);
}

async function steer(db: Queryable, workspaceId: number, importId: string, change: string, from: string): Promise<ImportRow | null> {
  const { rows } = await db.query<RawRow>(
    `UPDATE imports SET ${change}, updated_at = now() WHERE workspace_id = $1 AND import_id = $2 AND ${from} RETURNING ${IMPORT_COLUMNS}`,
    [workspaceId, importId],
  );
  return one(rows);
}
