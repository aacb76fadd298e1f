/**
 * What running an import notes here. One run at a time holds the lease; a run that was thought dead and goes on all the same does no
 * harm, because every step below is done once, whoever does it:
 *
 *   scan: `finishScan` only for the holder → beginChunk (in order; refused once paused or cancelled) → the chunk's items in lanes
 *   → countChunk (its row in import_chunks and the counts, in one transaction) → … → endImport when every chunk is counted
 */
import {
  IMPORT_COLUMNS,
  type ImportCounts,
  type ImportError,
  type ImportRow,
  type ImportStatus,
  type RawImport,
  toImport,
} from './imports.ts';
import { type Client, inTransaction, type Pool, type Queryable } from './pool.ts';

export type ImportRun = ImportRow & {
  scan_run: string | null;
  /** Chunks there are; null = not scanned. */
  chunks: number | null;
  begun: number;
  counted: number;
  /** Redis time of the start, microseconds. */
  accepted_at: number;
};
type RawRun = RawImport & Pick<ImportRun, 'scan_run' | 'chunks' | 'begun' | 'counted'> & { accepted_at: string | null };
const RUN_COLUMNS = `${IMPORT_COLUMNS}, scan_run, chunks, begun, counted, accepted_at`;

/** There is something to do: it runs, or was stopped and what was given to lanes is not counted yet. */
const UNFINISHED = `(status = 'running' OR (status = 'paused' AND begun > counted) OR (status = 'cancelled' AND started_at IS NOT NULL))
  AND ended_at IS NULL`;

const LEASED = 'ended_at IS NULL AND leased_until > now()';
/**
 * Whether the import makes way: another one of its workspace is worked on, and a workspace waits of which none is. Whoever uploads ten
 * files would otherwise keep everybody else waiting for all of them.
 *
 * @param made which of the workspace's imports count as another one: those made earlier, or all others
 */
const makesWay = (made: '<' | '<>'): string => `(
  EXISTS (SELECT FROM imports AS other WHERE other.workspace_id = imports.workspace_id AND other.import_id ${made} imports.import_id AND ${LEASED})
  AND EXISTS (SELECT FROM imports AS waiting WHERE waiting.workspace_id <> imports.workspace_id AND ${UNFINISHED} AND leased_until < now()
    AND NOT EXISTS (SELECT FROM imports AS own WHERE own.workspace_id = waiting.workspace_id AND ${LEASED})))`;

/** Imports with something to do that nobody works on. */
export async function importsToRun(db: Queryable, limit: number): Promise<{ workspaceId: number; importId: string }[]> {
  const { rows } = await db.query<{ workspace_id: number; import_id: string }>(
    `SELECT workspace_id, import_id FROM imports WHERE ${UNFINISHED} AND leased_until < now() ORDER BY import_id LIMIT $1`,
    [limit],
  );
  return rows.map((r) => ({ workspaceId: r.workspace_id, importId: r.import_id }));
}

/** Takes the lease. `busy`: somebody else has it; `behind`: it makes way for other workspaces; null: there is nothing to do (any more). */
export async function takeImport(
  db: Queryable,
  importId: string,
  holder: string,
  seconds: number,
): Promise<ImportRun | 'busy' | 'behind' | null> {
  const { rows } = await db.query<RawRun>(
    `UPDATE imports SET holder = $2, leased_until = now() + $3 * interval '1 second'
     WHERE import_id = $1 AND ${UNFINISHED} AND (holder = $2 OR leased_until < now() AND NOT ${makesWay('<>')})
     RETURNING ${RUN_COLUMNS}`,
    [importId, holder, seconds],
  );
  const raw = rows[0];
  if (!raw) {
    const { rows: left } = await db.query<{ leased: boolean }>(
      `SELECT leased_until > now() AS leased FROM imports WHERE import_id = $1 AND ${UNFINISHED}`,
      [importId],
    );
    if (!left[0]) return null;
    return left[0].leased ? 'busy' : 'behind';
  }
  return {
    ...toImport(raw),
    scan_run: raw.scan_run,
    chunks: raw.chunks,
    begun: raw.begun,
    counted: raw.counted,
    accepted_at: Number(raw.accepted_at),
  };
}

/** How an import stands; `makesWay`: one of its workspace that was made earlier is worked on, and other workspaces wait. */
export type Standing = { status: ImportStatus; makesWay: boolean };

/** Keeps the lease and says how the import stands; null when the lease is lost or the import is gone. */
export async function renewImport(
  db: Queryable,
  importId: string,
  holder: string,
  seconds: number,
  progress: { rate: number | null; scanned?: number; records?: number },
): Promise<Standing | null> {
  const { rows } = await db.query<Standing>(
    `UPDATE imports SET leased_until = now() + $3 * interval '1 second', rate = CASE WHEN status = 'running' THEN $4::real END,
       scanned = CASE WHEN phase = 'scan' THEN coalesce($5::bigint, scanned) ELSE scanned END,
       records = CASE WHEN phase = 'scan' THEN greatest(records, $6::bigint) ELSE records END, updated_at = now()
     WHERE import_id = $1 AND holder = $2 AND ended_at IS NULL
     RETURNING status, ${makesWay('<')} AS "makesWay"`,
    [importId, holder, seconds, progress.rate, progress.scanned ?? null, progress.records ?? null],
  );
  return rows[0] ?? null;
}

/** Gives the lease up: another worker may take the import at once. */
export async function releaseImport(db: Queryable, importId: string, holder: string): Promise<void> {
  await db.query("UPDATE imports SET leased_until = '-infinity' WHERE import_id = $1 AND holder = $2", [importId, holder]);
}

/** scan → apply: the scratch files of `scanRun` hold what was found. False when the lease was lost meanwhile. */
export async function finishScan(
  db: Queryable,
  importId: string,
  holder: string,
  found: { scanRun: string; records: number; chunks: number; scanned: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE imports SET phase = 'apply', scan_run = $3, records = $4, chunks = $5, scanned = $6, updated_at = now()
     WHERE import_id = $1 AND holder = $2 AND phase = 'scan' AND ended_at IS NULL`,
    [importId, holder, found.scanRun, found.records, found.chunks, found.scanned],
  );
  return rowCount === 1;
}

/** apply → scan: the scratch files are gone. Reading the file again finds the same, so chunks that were counted stay counted. */
export async function repeatScan(db: Queryable, importId: string, holder: string): Promise<void> {
  await db.query(
    `UPDATE imports SET phase = 'scan', scan_run = NULL, chunks = NULL, updated_at = now() WHERE import_id = $1 AND holder = $2 AND phase = 'apply'`,
    [importId, holder],
  );
}

/** Before a chunk's first item enters a lane. False when the import was paused, cancelled or lost meanwhile: it must not be begun. */
export async function beginChunk(db: Queryable, importId: string, holder: string, chunk: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE imports SET begun = greatest(begun, $3) WHERE import_id = $1 AND holder = $2 AND status = 'running' AND ended_at IS NULL`,
    [importId, holder, chunk + 1],
  );
  return rowCount === 1;
}

/** Chunks that are counted, of an import that has not ended. */
export async function countedChunks(db: Queryable, importId: string): Promise<Set<number>> {
  const { rows } = await db.query<{ chunk: number }>('SELECT chunk FROM import_chunks WHERE import_id = $1', [importId]);
  return new Set(rows.map((r) => r.chunk));
}

export type ChunkResult = ImportCounts & { memberships: Record<string, number> };

/**
 * Counts a chunk, once: its row and the counts are one transaction. `also` runs in it (rejected rows); it is not called when the chunk
 * was counted before, or the import has ended.
 */
export async function countChunk(
  pool: Pool,
  importId: string,
  chunk: number,
  result: ChunkResult,
  also: (client: Client) => Promise<void>,
): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ memberships: Record<string, number> }>(
      'SELECT memberships FROM imports WHERE import_id = $1 AND ended_at IS NULL FOR NO KEY UPDATE',
      [importId],
    );
    const before = rows[0];
    if (!before) return false;
    const { rowCount } = await client.query('INSERT INTO import_chunks (import_id, chunk) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      importId,
      chunk,
    ]);
    if (rowCount !== 1) return false;
    const memberships = { ...before.memberships };
    for (const [outcome, n] of Object.entries(result.memberships)) memberships[outcome] = (memberships[outcome] ?? 0) + n;
    const { created, updated, unchanged, rejected, duplicate } = result;
    await client.query(
      `UPDATE imports SET counted = counted + 1, begun = greatest(begun, $2), done = done + $3, created = created + $4, updated = updated + $5,
         unchanged = unchanged + $6, rejected = rejected + $7, duplicate = duplicate + $8, memberships = $9, updated_at = now()
       WHERE import_id = $1`,
      [
        ...[importId, chunk + 1, created + updated + unchanged + rejected + duplicate, created, updated, unchanged, rejected, duplicate],
        JSON.stringify(memberships),
      ],
    );
    await also(client);
    return true;
  });
}

/**
 * running → completed when every chunk is counted; cancelled → ended when every begun one is. True when that was done; the rows of
 * import_chunks have served their purpose then.
 */
export function endImport(pool: Pool, importId: string): Promise<boolean> {
  return end(
    pool,
    `UPDATE imports SET status = CASE WHEN status = 'running' THEN 'completed' ELSE status END, rate = NULL, ended_at = now(), updated_at = now()
     WHERE import_id = $1 AND ended_at IS NULL AND ((status = 'running' AND phase = 'apply' AND counted = chunks)
       OR (status = 'cancelled' AND counted = begun))`,
    [importId],
  );
}

/** running, paused → failed; one that is cancelled ends as that. False when the lease was lost or it has ended. */
export function failImport(pool: Pool, importId: string, holder: string, error: ImportError): Promise<boolean> {
  return end(
    pool,
    `UPDATE imports SET status = CASE WHEN status = 'cancelled' THEN status ELSE 'failed' END,
       error = CASE WHEN status = 'cancelled' THEN error ELSE $3::jsonb END, rate = NULL, ended_at = now(), updated_at = now()
     WHERE import_id = $1 AND holder = $2 AND status IN ('running', 'paused', 'cancelled') AND ended_at IS NULL`,
    [importId, holder, JSON.stringify(error)],
  );
}

function end(pool: Pool, statement: string, values: unknown[]): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(statement, values);
    if (rowCount !== 1) return false;
    await client.query('DELETE FROM import_chunks WHERE import_id = $1', [values[0]]);
    return true;
  });
}

/** How imports stand: `open` ones need their files, those of `ended` ones may go; unknown ids are absent. */
export async function importsWithFiles(db: Queryable, importIds: readonly string[]): Promise<Map<string, 'open' | 'ended'>> {
  const { rows } = await db.query<{ import_id: string; open: boolean }>(
    'SELECT import_id, ended_at IS NULL AS open FROM imports WHERE import_id = ANY($1::uuid[])',
    [importIds],
  );
  return new Map(rows.map((r) => [r.import_id, r.open ? 'open' : 'ended']));
}
