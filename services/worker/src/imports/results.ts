/** What became of a chunk's records, from the verdicts of its items; and the rows that were refused only when they were applied. */
import { open } from 'node:fs/promises';
import { type CompiledRow, type Dialect, type Row, readRecords } from '@muster/csv';
import { type ChunkResult, identityHash, type NewImportReject, type Verdict } from '@muster/postgres';
import type { Deps } from '../deps.ts';
import { readAll } from './duplicates.ts';
import { columnOf } from './judge.ts';
import type { ScannedChunk, ScannedRow } from './scratch.ts';

/** Why an item was refused. */
export type Refused = { field: string; code: string; message: string };
const ERASED: Refused = { field: 'email', code: 'erased', message: 'The contact was erased after the import had been started.' };
const UNKNOWN: Refused = { field: '', code: 'rejected', message: 'The row was rejected; the record of why has been removed since.' };

/** Sums up a chunk. `refused` are its items that were not applied, by record. */
export function resultOf(
  chunk: ScannedChunk,
  verdicts: readonly Verdict[],
  reasons: ReadonlyMap<string, Refused>,
): { result: ChunkResult; refused: Map<number, Refused> } {
  const memberships: Record<string, number> = {};
  const result = { created: 0, updated: 0, unchanged: 0, rejected: chunk.rejected, duplicate: chunk.duplicates, memberships };
  const refused = new Map<number, Refused>();
  for (const verdict of verdicts) {
    if (verdict.v === 'c') result.created += 1;
    else if (verdict.v === 'u') result.updated += 1;
    else if (verdict.v === 'n') result.unchanged += 1;
    else {
      result.rejected += 1;
      const record = Number(verdict.i.slice(verdict.i.lastIndexOf(':') + 1));
      refused.set(record, verdict.v === 'e' ? ERASED : (reasons.get(verdict.i) ?? UNKNOWN));
    }
    for (const outcome of Object.values(verdict.m ?? {})) memberships[outcome] = (memberships[outcome] ?? 0) + 1;
  }
  return { result, refused };
}

export type FileOfRows = { path: string; dialect: Dialect; compiled: Pick<CompiledRow, 'columnOf'> };

/** Rejected rows, with their cells read from the file once more; nothing but the line of people who were erased. */
export async function rejectsOf(
  deps: Deps,
  file: FileOfRows,
  chunk: ScannedChunk,
  refused: ReadonlyMap<number, Refused>,
): Promise<NewImportReject[]> {
  if (refused.size === 0) return [];
  const handle = await open(file.path, 'r');
  try {
    const rejects: NewImportReject[] = [];
    for (const row of chunk.winners) {
      const reason = refused.get(row.record);
      if (!reason) continue;
      const known = reason !== ERASED;
      const bytes = Buffer.alloc(known ? row.end - row.start : 0);
      await readAll(handle, bytes, row.start);
      rejects.push({
        ...{ line: row.line, column: columnOf(file.compiled, reason.field), code: reason.code, message: reason.message },
        ...{ cells: known ? await cellsOf(bytes, file.dialect, row) : [], raw: null },
        emailHash: known ? identityHash(deps.config.MUSTER_HASH_KEY, 'email', row.patch.email) : null,
      });
    }
    return rejects;
  } finally {
    await handle.close();
  }
}

async function cellsOf(bytes: Buffer, dialect: Dialect, row: ScannedRow): Promise<string[]> {
  // The first record of a file without a header may begin at byte 0; it is read as one in the middle all the same.
  const alone = { ...dialect, header: false, sepLine: false, bomBytes: 0 };
  const rows: Row[] = [];
  for await (const batch of readRecords([bytes], alone, { byte: row.start, line: row.line })) rows.push(...batch);
  return rows[0]?.cells ?? [];
}
