import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { DataDir } from './dataDir.ts';
import { errorCode, LocalStackError } from './errors.ts';
import { bindToParent } from './process/launcher.ts';
import type { ProcessSpec } from './process/supervised.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];
const PROBE_TIMEOUT_MS = 1_000;

/** The connection string of the local Redis. */
export function redisUrl(port: number): string {
  return `redis://127.0.0.1:${port}`;
}

/**
 * Finds Redis or Valkey on the PATH.
 *
 * @throws LocalStackError when there is none, or one older than version 7 (its configuration and multi-part
 * append-only file are needed).
 */
export function findRedis(env: NodeJS.ProcessEnv): string {
  for (const program of PROGRAMS) {
    const result = spawnSync(program, ['--version'], { encoding: 'utf8', env });
    if (errorCode(result.error) === 'ENOENT') continue;
    const major = Number(/v=(\d+)\./.exec(result.stdout ?? '')?.[1]);
    if (major >= 7) return program;
    throw new LocalStackError(
      `${program} on the PATH is older than version 7 (${(result.stdout ?? '').trim()}). Install a newer one: apt-get install redis-server`,
    );
  }
  throw new LocalStackError(
    'Neither redis-server nor valkey-server is on the PATH. Install one: apt-get install redis-server (Debian, Ubuntu), dnf install valkey (Fedora), brew install redis (macOS).',
  );
}

/**
 * Writes the configuration and says how to run Redis.
 *
 * An acknowledged write is on disk: append-only file with an fsync before each answer. At `maxmemory` writes are refused
 * instead of keys dropped: every key is somebody's job.
 *
 * @param maxMemory as Redis writes it, for instance `1gb`.
 */
export function redisSpec(
  dir: DataDir,
  port: number,
  maxMemory: string,
  env: NodeJS.ProcessEnv,
): Pick<ProcessSpec, 'command' | 'env' | 'cwd' | 'isReady' | 'stopSignal' | 'hopeless'> {
  const program = findRedis(env);
  if (!/^\d+(b|k|kb|m|mb|g|gb)?$/i.test(maxMemory)) {
    throw new LocalStackError(`MUSTER_REDIS_MAXMEMORY is "${maxMemory}", which is not a size. Write it like 512mb or 2gb.`);
  }
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'always',
    save: '""',
    maxmemory: maxMemory,
    'maxmemory-policy': 'noeviction',
    'hash-max-listpack-entries': '256',
  };
  const path = join(dir.root, 'redis.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  writeFileSync(path, `# Written by the local stack at every start.\n${lines.join('\n')}\n`);
  return {
    // `dir` stays at its default, the working directory: no quoting of unusual paths.
    command: () => bindToParent({ file: program, args: [path] }, 'TERM'),
    env: { PATH: env.PATH, LC_ALL: 'C' },
    cwd: dir.redis,
    isReady: (pid) => isReady(port, pid),
    stopSignal: 'SIGTERM',
    hopeless: /Address already in use|Bad directive|can't open config/i,
  };
}

/** Ready when *this* process (not another Redis on the port) answers and has loaded its data. */
async function isReady(port: number, pid: number): Promise<boolean> {
  const reply = await ask(port, 'INFO server\r\nINFO persistence\r\n');
  return reply.includes(`process_id:${pid}\r\n`) && /\bloading:0\b/.test(reply);
}

/** Sends inline commands and collects replies until the last section arrived, an error, or the timeout. */
function ask(port: number, commands: string): Promise<string> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, finish);
    socket.once('error', finish);
    socket.once('connect', () => socket.write(commands));
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString('utf8');
      if (reply.startsWith('-') || /\bloading:[01]\b/.test(reply)) finish();
    });
  });
}
