/** Where the files of imports lie: API and workers share the folder. */
import { join } from 'node:path';

/** The file as it was uploaded. */
export const importFile = (dir: string, importId: string): string => join(dir, `${importId}.csv`);

/** A worker's notes on it, of one run. */
export const scratchFile = (dir: string, importId: string, run: string, what: string): string => join(dir, `${importId}.${run}.${what}`);

/** The import that a file of the folder belongs to, or null. */
export function importOfFile(name: string): string | null {
  return /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\./.exec(name)?.[1] ?? null;
}
