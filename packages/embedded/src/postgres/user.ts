import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, parse } from 'node:path';
import { LocalStackError } from '../errors.ts';
import { hasSetpriv, type RunAs } from '../process/launcher.ts';

/** System users that Postgres may run as when the supervisor is root, by preference. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * Postgres refuses to run as root. For root this names the user it runs as instead; for anyone else, undefined.
 *
 * @param paths files and directories it must reach: directories on the way may be closed to that user (/root is 0700).
 * @throws LocalStackError when no user fits.
 */
export function postgresUser(paths: readonly string[]): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const user = CANDIDATES.map(lookUp).find((found) => found !== undefined);
  if (user === undefined)
    throw new LocalStackError(
      'Postgres does not run as root, and this system has neither a user "postgres" nor "nobody". Start as an ordinary user.',
    );
  const closed = paths.flatMap((path) => closedParents(path, user.uid, user.gid))[0];
  if (closed !== undefined && !hasSetpriv()) {
    throw new LocalStackError(
      `Postgres does not run as root, and the user it runs as instead cannot pass ${closed}. Install util-linux (setpriv), start as an ordinary user, or keep checkout and MUSTER_DATA_DIR in a directory open to others.`,
    );
  }
  return { ...user, passClosedDirectories: closed !== undefined };
}

function lookUp(name: string): { uid: number; gid: number } | undefined {
  const line = passwd()
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function passwd(): string {
  try {
    return execFileSync('getent', ['passwd', ...CANDIDATES], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // getent is absent on some systems and exits with 2 when one of the names is unknown.
    return readFileSync('/etc/passwd', 'utf8');
  }
}

/** The directories above a path that the user may not pass. */
function closedParents(path: string, uid: number, gid: number): string[] {
  const closed: string[] = [];
  const { root } = parse(path);
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const stat = statSync(directory, { throwIfNoEntry: false });
    const bit = stat?.uid === uid ? 0o100 : stat?.gid === gid ? 0o010 : 0o001;
    if (stat !== undefined && (stat.mode & bit) === 0) closed.push(directory);
    if (directory === root) return closed;
  }
}
