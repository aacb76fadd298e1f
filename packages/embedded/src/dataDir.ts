import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errorCode, LocalStackError } from './errors.ts';
import { endProcess, identify, isAlive, type ProcessIdentity, sendSignal } from './process/identity.ts';

/** Where everything of one local stack lies. All paths are absolute. */
export interface DataDir {
  readonly root: string;
  readonly postgres: string;
  readonly redis: string;
  readonly clickhouse: string;
  readonly logs: string;
}

const RECORDS = 'processes.json';
const LOCK = 'supervisor.lock';

/** Creates the directory with its parts. @throws LocalStackError when it cannot be made. */
export function openDataDir(path: string): DataDir {
  const wanted = resolve(path);
  try {
    mkdirSync(join(wanted, 'log'), { recursive: true });
    // Processes are recognised by their working directory, which the kernel reports without symlinks.
    const root = realpathSync(wanted);
    const dir = {
      root,
      postgres: join(root, 'postgres'),
      redis: join(root, 'redis'),
      clickhouse: join(root, 'clickhouse'),
      logs: join(root, 'log'),
    };
    mkdirSync(dir.redis, { recursive: true });
    mkdirSync(dir.clickhouse, { recursive: true });
    return dir;
  } catch (error) {
    throw new LocalStackError(
      `The data directory ${wanted} cannot be used (${errorCode(error) ?? String(error)}). Choose another one with MUSTER_DATA_DIR.`,
    );
  }
}

/** A secret of the stack: generated at first use, kept in the data directory readable by its owner only. 64 hex digits. */
export function secret(dir: DataDir, name: string): string {
  const path = join(dir.root, name);
  const stored = readIfPresent(path)?.trim();
  if (stored !== undefined && stored !== '') return stored;
  const value = randomBytes(32).toString('hex');
  writeFileSync(path, `${value}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return value;
}

const ADDRESSES = 'stores.env';

/** Leaves a note of where the stores are, for tools run by hand beside the stack (`npm run admin`). It holds a password. */
export function noteAddresses(dir: DataDir, addresses: Readonly<Record<string, string>>): void {
  const path = join(dir.root, ADDRESSES);
  const lines = Object.entries(addresses).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''), { mode: 0o600 });
  chmodSync(path, 0o600);
}

/** Takes the note away: the ports of a stopped stack may be somebody else's. */
export function dropAddresses(dir: DataDir): void {
  rmSync(join(dir.root, ADDRESSES), { force: true });
}

/**
 * Takes the directory for this process.
 *
 * @returns gives it back.
 * @throws LocalStackError naming the pid of the living supervisor that has it. A lock whose owner is dead is taken over.
 */
export function lockDataDir(dir: DataDir): () => void {
  const path = join(dir.root, LOCK);
  const me = identify(process.pid);
  if (me === undefined) throw new LocalStackError('This process cannot identify itself (is /proc mounted?).');
  const mine = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(mine, JSON.stringify(me));
  try {
    for (;;) {
      try {
        // A hard link appears with its content and fails when the name exists: nobody ever reads a half-written lock.
        linkSync(mine, path);
        return () => unlinkSync(path);
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
      const owner = parseIdentity(readIfPresent(path));
      if (owner !== undefined && isAlive(owner)) {
        throw new LocalStackError(
          `The data directory ${dir.root} is in use by the local stack with pid ${owner.pid}. Stop that one first (Ctrl-C in its terminal, or kill ${owner.pid}), or choose another directory with MUSTER_DATA_DIR.`,
        );
      }
      removeStale(path, mine);
    }
  } finally {
    unlinkSync(mine);
  }
}

/** Moves the dead owner's lock aside; when two starts race, one of them finds it gone, which is as good. */
function removeStale(path: string, mine: string): void {
  const aside = `${mine}.stale`;
  try {
    renameSync(path, aside);
    unlinkSync(aside);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Which children of this directory run: written at every change, read by the next start after a crash of the supervisor. */
export class ProcessRecords {
  readonly #path: string;
  readonly #alive = new Map<string, ProcessIdentity>();

  constructor(dir: DataDir) {
    this.#path = join(dir.root, RECORDS);
  }

  /** Notes that a child runs (or, with undefined, that it ended). */
  note(name: string, identity: ProcessIdentity | undefined): void {
    if (identity === undefined) this.#alive.delete(name);
    else this.#alive.set(name, identity);
    const temporary = `${this.#path}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify([...this.#alive].map(([label, { pid, birth }]) => ({ name: label, pid, birth }))));
    renameSync(temporary, this.#path);
  }

  /** SIGKILL to every child that runs, at once. For a supervisor that ends itself right after: it would revive them. */
  killAll(): void {
    for (const { pid } of this.#alive.values()) sendSignal(pid, 'SIGKILL');
  }

  /**
   * Ends what an earlier supervisor of this directory left running. Only processes whose pid *and* birth match the
   * record are touched, so a reused pid is safe.
   *
   * @returns the names of those that were ended.
   */
  async endLeftovers(): Promise<string[]> {
    const leftovers = parseRecords(readIfPresent(this.#path)).filter(({ identity }) => isAlive(identity));
    const isStore = (name: string): boolean => name === 'postgres' || name === 'redis' || name === 'clickhouse';
    // Services first: a worker that is handing its jobs back needs the stores.
    await Promise.all(leftovers.filter(({ name }) => !isStore(name)).map(({ identity }) => endProcess(identity, 'SIGTERM', 5_000)));
    await Promise.all(
      leftovers
        .filter(({ name }) => isStore(name))
        .map(({ name, identity }) => endProcess(identity, name === 'postgres' ? 'SIGINT' : 'SIGTERM', 8_000)),
    );
    return leftovers.map(({ name }) => name);
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    // A record cut short by a power failure names nobody.
    return undefined;
  }
}

function toIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('birth' in value)) return undefined;
  const { pid, birth } = value;
  return typeof pid === 'number' && Number.isInteger(pid) && pid > 0 && typeof birth === 'string' ? { pid, birth } : undefined;
}

function parseIdentity(text: string | undefined): ProcessIdentity | undefined {
  return toIdentity(parseJson(text));
}

function parseRecords(text: string | undefined): { name: string; identity: ProcessIdentity }[] {
  const value = parseJson(text);
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    const identity = toIdentity(entry);
    if (identity === undefined || typeof entry !== 'object' || entry === null || !('name' in entry)) return [];
    return [{ name: String(entry.name), identity }];
  });
}
