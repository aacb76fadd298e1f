import { join } from 'node:path';
import { clickhouseSpec, clickhouseUrl } from './clickhouse/spec.ts';
import { type DataDir, lockDataDir, openDataDir, ProcessRecords, secret } from './dataDir.ts';
import { LocalStackError } from './errors.ts';
import { pickPort } from './ports.ts';
import { postgresSpec, postgresUrl } from './postgres/spec.ts';
import type { ProcessHandle } from './process/handle.ts';
import { type ProcessSpec, SupervisedProcess } from './process/supervised.ts';
import { findRedis, redisSpec, redisUrl } from './redis.ts';
import { silentTerminal, type Terminal } from './terminal.ts';

/** How to start the stores. */
export interface StoreOptions {
  /** Absolute, or relative to the working directory; created when absent. One running stack per directory. */
  readonly dataDir: string;
  /** Where the PATH (for redis-server) and MUSTER_REDIS_MAXMEMORY (default `1gb`) come from. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether a store that dies is started again by itself. Default true; may be changed per process later. */
  readonly autoRestart?: boolean;
  readonly terminal?: Terminal;
}

/** The three stores, running. Ports stay the same for the life of this object, over kills and restarts. */
export interface LocalStores {
  readonly dataDir: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly clickhouseUrl: string;
  readonly processes: { readonly postgres: ProcessHandle; readonly redis: ProcessHandle; readonly clickhouse: ProcessHandle };
  /** Stops all three in order and gives the data directory back. Safe to call again. */
  stop(): Promise<void>;
}

/** What a stack on top of the stores shares with them. */
export interface StoreInternals {
  readonly dir: DataDir;
  readonly records: ProcessRecords;
  readonly ports: Set<number>;
}

type StoreName = 'postgres' | 'redis' | 'clickhouse';
type Part = Pick<ProcessSpec, 'command' | 'env' | 'cwd' | 'isReady' | 'stopSignal' | 'hopeless' | 'beforeStart' | 'uid' | 'gid'>;

const PORT_TRIES = 4;
const PORT_TAKEN = /address already in use|EADDRINUSE/i;

/**
 * Starts Postgres, Redis and ClickHouse side by side on free loopback ports and waits until all three answer.
 *
 * @throws LocalStackError saying what to do; whatever was started is stopped again first.
 */
export async function startStores(options: StoreOptions): Promise<LocalStores> {
  return (await startStoresWithInternals(options)).stores;
}

/** As `startStores`, with what the stack needs to run services beside the stores. */
export async function startStoresWithInternals(options: StoreOptions): Promise<{ stores: LocalStores; internals: StoreInternals }> {
  const env = options.env ?? process.env;
  const terminal = options.terminal ?? silentTerminal;
  // The one thing the machine itself must bring: said before anything is made or started.
  findRedis(env);
  const dir = openDataDir(options.dataDir);
  const unlock = lockDataDir(dir);
  const records = new ProcessRecords(dir);
  const ports = new Set<number>();
  const started: SupervisedProcess[] = [];

  const stopAll = once(async () => {
    await Promise.all(started.map((process) => process.stop()));
    unlock();
  });
  const launch = async (
    name: StoreName,
    part: (port: number) => Part | Promise<Part>,
  ): Promise<{ port: number; process: SupervisedProcess }> => {
    for (let attempt = 1; ; attempt += 1) {
      const port = await pickPort(ports);
      const process = new SupervisedProcess({
        name,
        ...(await part(port)),
        log: join(dir.logs, `${name}.log`),
        readyTimeoutMs: 60_000,
        stopDeadlineMs: 15_000,
        autoRestart: options.autoRestart ?? true,
        onChange: (label, identity) => records.note(label, identity),
        say: (text) => terminal.line(text),
      });
      started.push(process);
      try {
        await process.start();
        return { port, process };
      } catch (error) {
        // Somebody took the port between the look and the bind: another stack that starts right now.
        const taken = error instanceof LocalStackError && PORT_TAKEN.test(error.message);
        if (!taken || attempt >= PORT_TRIES) throw error;
      }
    }
  };

  try {
    const leftovers = await records.endLeftovers();
    if (leftovers.length > 0) terminal.line(`Stopped what an earlier run left behind: ${leftovers.join(', ')}`);
    const password = secret(dir, 'postgres-password');
    const outcomes = await Promise.allSettled([
      launch('postgres', (port) => postgresSpec(dir, port, password)),
      launch('redis', (port) => redisSpec(dir, port, env.MUSTER_REDIS_MAXMEMORY ?? '1gb', env)),
      launch('clickhouse', (port) => clickhouseSpec(dir, port, env)),
    ]);
    const [postgres, redis, clickhouse] = outcomes;
    if (postgres.status === 'rejected') throw postgres.reason;
    if (redis.status === 'rejected') throw redis.reason;
    if (clickhouse.status === 'rejected') throw clickhouse.reason;
    const stores: LocalStores = {
      dataDir: dir.root,
      postgresUrl: postgresUrl(postgres.value.port, password),
      redisUrl: redisUrl(redis.value.port),
      clickhouseUrl: clickhouseUrl(clickhouse.value.port),
      processes: { postgres: postgres.value.process, redis: redis.value.process, clickhouse: clickhouse.value.process },
      stop: stopAll,
    };
    return { stores, internals: { dir, records, ports } };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
}
