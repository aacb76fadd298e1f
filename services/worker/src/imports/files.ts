/** The folder of import files: what goes when an import ends, and what is left behind by somebody who died. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { importsWithFiles } from '@muster/postgres';
import { importOfFile } from '@muster/queues';
import type { Deps } from '../deps.ts';
import { isMissing } from './failure.ts';

const names = (dir: string): Promise<string[]> =>
  readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });

/** Removes the file of an import and everything beside it. */
export async function removeFiles(dir: string, importId: string): Promise<void> {
  for (const name of await names(dir)) if (name.startsWith(`${importId}.`)) await rm(join(dir, name), { force: true });
}

/** Removes scratch files of an import: those of one run, or all but those of one run. */
export async function removeScratch(dir: string, importId: string, except: string | null, only: string | null = null): Promise<void> {
  for (const name of await names(dir)) {
    if (!name.startsWith(`${importId}.`)) continue;
    const run = name.slice(importId.length + 1).split('.')[0];
    if (run !== undefined && run.length === importId.length && run !== except && (only === null || run === only))
      await rm(join(dir, name), { force: true });
  }
}

/** An upload may have its file before it has its row. */
const YOUNG_MS = 3_600_000;

/** Removes the files of imports that have ended, or that nobody knows. Returns how many. */
export async function sweepFiles(deps: Deps): Promise<number> {
  const dir = deps.config.MUSTER_IMPORT_DIR;
  const files = (await names(dir)).flatMap((name) => {
    const id = importOfFile(name);
    return id === null ? [] : [{ name, id }];
  });
  if (files.length === 0) return 0;
  const ids = [...new Set(files.map((f) => f.id))];
  const open = await importsWithFiles(deps.pool, ids);
  let removed = 0;
  for (const { name, id } of files) {
    if (open.get(id) === 'open') continue;
    const path = join(dir, name);
    if (open.get(id) === undefined) {
      const found = await stat(path).catch((error: unknown) => {
        if (isMissing(error)) return null;
        throw error;
      });
      if (!found || Date.now() - found.mtimeMs < YOUNG_MS) continue;
    }
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}
