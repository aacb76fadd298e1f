import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDir } from '../dataDir.ts';
import { errorCode } from '../errors.ts';
import { endProcess, findByWorkingDirectory } from '../process/identity.ts';
import { bindToParent, hasSetpriv } from '../process/launcher.ts';
import type { ProcessSpec } from '../process/supervised.ts';
import { findPostgres } from './binaries.ts';
import { clusterPath, DATABASE, DATABASE_USER, ensureCluster, postgresEnv } from './cluster.ts';
import { postgresUser } from './user.ts';

/**
 * Settings given on the command line, so that a directory made by an older checkout gets the current ones.
 * wal_recycle off: renaming old segments costs more than writing new ones on copy-on-write file systems.
 * max_locks_per_transaction: a chunk takes an advisory lock per identifier it names. fsync stays on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  max_locks_per_transaction: '512',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  wal_recycle: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** The connection string of the local cluster. */
export function postgresUrl(port: number, password: string): string {
  return `postgres://${DATABASE_USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
}

/**
 * Prepares the cluster and says how to run it.
 *
 * @throws LocalStackError see `ensureCluster`, `findPostgres`, `postgresUser`.
 */
export async function postgresSpec(
  dir: DataDir,
  port: number,
  password: string,
): Promise<Pick<ProcessSpec, 'command' | 'env' | 'cwd' | 'isReady' | 'beforeStart' | 'stopSignal' | 'hopeless' | 'uid' | 'gid'>> {
  const binaries = findPostgres();
  const cluster = clusterPath(dir.postgres);
  const runAs = postgresUser([binaries.postgres, cluster]);
  await ensureCluster({ binaries, directory: dir.postgres, password, runAs });
  const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = { file: binaries.postgres, args: ['-D', cluster, '-p', String(port), ...flags] };
  return {
    command: () => bindToParent(command, 'INT', runAs),
    env: postgresEnv(),
    cwd: dir.root,
    ...(runAs === undefined || hasSetpriv() ? {} : { uid: runAs.uid, gid: runAs.gid }),
    isReady: async (pid) => isReady(cluster, pid),
    beforeStart: () => removeRemains(cluster),
    // Fast shutdown: open transactions are rolled back, a checkpoint is written.
    stopSignal: 'SIGINT',
    hopeless: /Address already in use|incompatible with server|could not create any TCP\/IP sockets/,
  };
}

/** Postgres writes its pid and, on the eighth line, its state into postmaster.pid; pg_ctl reads the same. */
function isReady(cluster: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * After a SIGKILL of the postmaster its backends live on for a moment and hold the shared memory, and postmaster.pid
 * names a pid that may belong to anyone by now. Both keep a new postmaster from starting.
 */
async function removeRemains(cluster: string): Promise<void> {
  await Promise.all(findByWorkingDirectory('postgres', cluster).map((identity) => endProcess(identity, 'SIGQUIT', 2_000)));
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}
