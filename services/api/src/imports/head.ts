/** What the beginning of a file says: how it is written, its columns, and what they most likely hold. */
import { type FileHandle, open } from 'node:fs/promises';
import { dialectSchema, SNIFF_BYTES, type Sniffed, type SuggestedColumn, sniff, suggestMapping } from '@muster/csv';
import type { ImportRow } from '@muster/postgres';
import { importFile } from '@muster/queues';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { fail } from '../http/errors.ts';

/** The dialect as it is kept with an import: with the headers, which the file may not be there to tell any more. */
const keptDialect = dialectSchema.extend({ headers: z.array(z.string()).optional() });

export const dialectToKeep = ({ dialect, headers }: Extract<Sniffed, { ok: true }>) => ({ ...dialect, headers });

/** Headers of an import whose file may be gone; empty where it names no columns. */
export function keptHeaders(row: ImportRow): string[] {
  const kept = keptDialect.safeParse(row.dialect);
  return kept.success ? (kept.data.headers ?? []) : [];
}

export async function sniffFile(path: string): Promise<Sniffed> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = await readFully(file, Buffer.alloc(Math.min(size, SNIFF_BYTES)));
    return sniff(head, { complete: size <= SNIFF_BYTES });
  } finally {
    await file.close();
  }
}

async function readFully(file: FileHandle, into: Buffer): Promise<Buffer> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, filled);
}

export type Head = Extract<Sniffed, { ok: true }> & { columns: SuggestedColumn[] };

/** @throws ApiError 409 when the file is not complete, or not kept any more */
export async function readHead(deps: ApiDeps, row: ImportRow): Promise<Head> {
  if (row.status === 'uploading') throw fail('import_not_uploaded');
  let sniffed: Sniffed;
  try {
    sniffed = await sniffFile(importFile(deps.config.MUSTER_IMPORT_DIR, row.import_id));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw fail('import_file_gone');
    throw error;
  }
  if (!sniffed.ok) throw fail('unreadable_file', { details: [{ field: 'file', ...sniffed.fault }] });
  const readable = sniffed.rows.filter((r) => r.fault === null).map((r) => r.cells);
  return { ...sniffed, columns: suggestMapping(sniffed.headers, readable) };
}
