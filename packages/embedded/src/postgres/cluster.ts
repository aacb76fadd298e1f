import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalStackError } from '../errors.ts';
import { bindToParent, hasSetpriv, type RunAs } from '../process/launcher.ts';
import type { PostgresBinaries } from './binaries.ts';

/** The database and its owner inside every local cluster. */
export const DATABASE = 'muster';
export const DATABASE_USER = 'muster';

/** What a new cluster needs. `directory` is the parent; the cluster itself lies in `directory/data`. */
export interface ClusterOptions {
  readonly binaries: PostgresBinaries;
  readonly directory: string;
  readonly password: string;
  readonly runAs: RunAs | undefined;
}

/** The cluster's own directory. */
export function clusterPath(directory: string): string {
  return join(directory, 'data');
}

/**
 * Makes sure that a cluster of this major version with the database exists.
 *
 * A new one is built beside its place and renamed when complete, so an interrupted start leaves no half cluster.
 *
 * @throws LocalStackError for a cluster of another major version, or when initdb fails (with its output).
 */
export async function ensureCluster(options: ClusterOptions): Promise<void> {
  const { binaries, directory, password, runAs } = options;
  const cluster = clusterPath(directory);
  if (existsSync(join(cluster, 'PG_VERSION'))) return checkVersion(cluster, binaries.major);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (runAs !== undefined) chownSync(directory, runAs.uid, runAs.gid);
  for (const entry of readdirSync(directory)) {
    if (entry.startsWith('new-')) rmSync(join(directory, entry), { recursive: true });
  }
  const fresh = join(directory, `new-${process.pid}`);
  const passwordFile = join(directory, `password-${process.pid}`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (runAs !== undefined) chownSync(passwordFile, runAs.uid, runAs.gid);
  try {
    const flags = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', `--username=${DATABASE_USER}`, `--pwfile=${passwordFile}`];
    await run(binaries.initdb, ['-D', fresh, ...flags], '', directory, runAs);
  } finally {
    rmSync(passwordFile);
  }
  await run(binaries.postgres, ['--single', '-D', fresh, 'postgres'], `CREATE DATABASE ${DATABASE}\n`, directory, runAs);
  renameSync(fresh, cluster);
}

function checkVersion(cluster: string, major: number): void {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (found === String(major)) return;
  throw new LocalStackError(
    `The data directory ${cluster} was made by Postgres ${found}, this is Postgres ${major}, which cannot read it. Move it away to start empty (mv ${cluster} ${cluster}-${found}), or choose another directory with MUSTER_DATA_DIR.`,
  );
}

function run(file: string, args: readonly string[], input: string, cwd: string, runAs: RunAs | undefined): Promise<void> {
  const command = bindToParent({ file, args }, 'INT', runAs);
  const ids = runAs === undefined || hasSetpriv() ? {} : { uid: runAs.uid, gid: runAs.gid };
  return new Promise((resolve, reject) => {
    const child = spawn(command.file, [...command.args], {
      cwd,
      env: postgresEnv(),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...ids,
    });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.once('error', (error) => reject(new LocalStackError(`${file} could not be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      const text = Buffer.concat(output).toString('utf8').trim();
      reject(new LocalStackError(`${file} failed (${signal ?? `exit code ${code}`}):\n${text}`));
    });
    child.stdin.end(input);
  });
}

/** The environment of Postgres programs: nothing of ours (PGDATA, PGPORT, LC_* of the shell would change what they do). */
export function postgresEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
