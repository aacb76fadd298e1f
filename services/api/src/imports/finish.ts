/** The end of an upload: the whole file is on the disk. It becomes `uploaded`, or `failed` and is removed. */
import { open, rm, stat } from 'node:fs/promises';
import { failUpload, findImport, type ImportError, type ImportRow, markUploaded } from '@muster/postgres';
import { importFile } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { type ErrorCode, type ErrorDetail, fail } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';
import { dialectToKeep, sniffFile } from './head.ts';
import { onDisk, sha256Of } from './receive.ts';

/**
 * Done twice it is as done once: a client that did not hear the end asks again, and then the bytes are all there.
 *
 * @param sha256 hex, when the sum was made while the file came in
 * @throws ApiError 422 for a file that cannot be taken
 */
export async function finishUpload(deps: ApiDeps, row: ImportRow, sha256: string | null): Promise<ImportRow> {
  const path = importFile(deps.config.MUSTER_IMPORT_DIR, row.import_id);
  await onDisk(syncFolder(deps.config.MUSTER_IMPORT_DIR));
  const size = await sizeOf(path);
  // Cancelled or deleted meanwhile, and its file with it.
  if (size === null) throw fail('import_not_uploading');
  const sum = sha256 ?? (await sha256Of(path));
  if (row.sha256 !== null && row.sha256 !== sum) {
    return refuse(deps, row, 'sha256_mismatch', { code: 'sha256_mismatch', message: 'The file has another sha256 than was declared.' });
  }
  const sniffed = await sniffFile(path);
  if (!sniffed.ok) return refuse(deps, row, 'unreadable_file', sniffed.fault);
  const file = { size, sha256: sum, dialect: dialectToKeep(sniffed) };
  const uploaded = await fromPostgres(markUploaded(deps.pool, row.import_id, file));
  if (uploaded) return uploaded;
  const now = await fromPostgres(findImport(deps.pool, row.workspace_id, row.import_id));
  if (!now) throw fail('import_not_found');
  // Cancelled meanwhile: nothing will read the file.
  if (now.ended_at !== null) throw fail('import_not_uploading');
  return now;
}

async function refuse(deps: ApiDeps, row: ImportRow, code: ErrorCode, error: ImportError): Promise<never> {
  await fromPostgres(failUpload(deps.pool, row.import_id, error));
  await removeFile(deps, row.import_id);
  const details: ErrorDetail[] = code === error.code ? [] : [{ field: 'file', ...error }];
  throw fail(code, details.length > 0 ? { details } : {});
}

export async function removeFile(deps: ApiDeps, importId: string): Promise<void> {
  await rm(importFile(deps.config.MUSTER_IMPORT_DIR, importId), { force: true });
}

/** A new file's name survives a power failure only once its folder is on the disk too. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Bytes of the file that are on the disk; 0 when there is none. */
export async function sizeOnDisk(deps: ApiDeps, importId: string): Promise<number> {
  return (await sizeOf(importFile(deps.config.MUSTER_IMPORT_DIR, importId))) ?? 0;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
