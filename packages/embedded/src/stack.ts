import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runAdmin } from './admin.ts';
import { dropAddresses, noteAddresses, secret } from './dataDir.ts';
import { LocalStackError } from './errors.ts';
import { assertPortFree, pickPort } from './ports.ts';
import { tail } from './process/log.ts';
import { entryOf, SERVICES_DIR, type ServiceHandle, type ServiceOptions, Services } from './services.ts';
import { type LocalStores, type StoreInternals, startStoresWithInternals } from './stores.ts';
import { silentTerminal, type Terminal } from './terminal.ts';

/** How to start the whole local stack. */
export interface StackOptions {
  /** Absolute, or relative to the working directory; created when absent. */
  readonly dataDir: string;
  /** Loopback port of the API; a free one when left out. */
  readonly apiPort?: number;
  /** Loopback port of the board; a free one when left out. */
  readonly boardPort?: number;
  /** API key of the workspace `demo`, with every scope; also the board's password. Default `muster-dev-key`. */
  readonly devKey?: string;
  /** Added to the environment of every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** As `env`, asked once the stores run: to put something between the services and the stores. */
  readonly wireEnv?: (stores: LocalStores) => Promise<Readonly<Record<string, string>>>;
  /** Services to start at once, by folder below `services/`. Default `api`, `worker`, `board`. */
  readonly services?: readonly string[];
  /** Where the services lie, each as `<name>/src/main.ts`. Default: `services/` of this checkout. */
  readonly servicesDir?: string;
  /** Whether children that die are started again by themselves. Default true; may be changed per process later. */
  readonly autoRestart?: boolean;
  /** Milliseconds until the API must be ready. Default 60,000. */
  readonly readyTimeoutMs?: number;
  readonly terminal?: Terminal;
  /** Aborting it ends a start in progress; a running stack is ended by `stop()`. */
  readonly signal?: AbortSignal;
  /** Aborting it kills every child without waiting; the caller must exit right after. */
  readonly force?: AbortSignal;
}

/** The running stack. */
export interface LocalStack {
  readonly stores: LocalStores;
  readonly apiUrl: string;
  readonly boardUrl: string;
  readonly devKey: string;
  /** The environment the services run with (store URLs, ports, keys): for running further programs against the stack. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Every service process ever started in this stack. */
  readonly services: readonly ServiceHandle[];
  /** A service process by its name (`api`, `worker`, `worker-2`, …). @throws LocalStackError when there is none. */
  service(name: string): ServiceHandle;
  /** Starts one more process of a service; resolves when spawned, before it is ready. */
  spawnService(service: string, options?: ServiceOptions): Promise<ServiceHandle>;
  /** Resolves when `/health/ready` of the API answers 200. @throws LocalStackError after the deadline (milliseconds). */
  whenReady(deadlineMs?: number): Promise<void>;
  /** Services first, then the stores. Safe to call again. */
  stop(): Promise<void>;
}

export const DEFAULT_DEV_KEY = 'muster-dev-key';
const DEFAULT_SERVICES = ['api', 'worker', 'board'] as const;
const WORKSPACE = 'demo';
/** What a service may see of our environment beside MUSTER_*. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_OPTIONS', 'NODE_ENV', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'];

/**
 * Starts the stores, migrates them, makes the workspace with its key, starts the services and waits until the API is
 * ready.
 *
 * @throws LocalStackError saying what to do; whatever was started is stopped again first.
 */
export async function startStack(options: StackOptions): Promise<LocalStack> {
  const terminal = options.terminal ?? silentTerminal;
  const devKey = options.devKey ?? DEFAULT_DEV_KEY;
  const signal = options.signal ?? new AbortController().signal;
  const wanted = options.services ?? DEFAULT_SERVICES;
  const servicesDir = options.servicesDir ?? SERVICES_DIR;
  for (const service of ['admin', ...wanted]) entryOf(servicesDir, service);
  // Looked at before the stores start: a port that is taken must not cost anybody half a start.
  if (options.apiPort !== undefined) await assertPortFree(options.apiPort, 'MUSTER_API_PORT', 'the API');
  if (options.boardPort !== undefined) await assertPortFree(options.boardPort, 'MUSTER_BOARD_PORT', 'the board');
  if (options.apiPort !== undefined && options.apiPort === options.boardPort) {
    throw new LocalStackError(`API and board cannot share port ${options.apiPort}. Change MUSTER_API_PORT or MUSTER_BOARD_PORT.`);
  }

  const { stores, internals } = await startStoresWithInternals({
    dataDir: options.dataDir,
    terminal,
    ...(options.autoRestart === undefined ? {} : { autoRestart: options.autoRestart }),
  });
  options.force?.addEventListener('abort', () => internals.records.killAll());
  let services: Services | undefined;
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    dropAddresses(internals.dir);
    stopping ??= (services?.stop() ?? Promise.resolve()).then(() => stores.stop());
    return stopping;
  };
  try {
    signal.throwIfAborted();
    const apiPort = options.apiPort ?? (await pickPort(internals.ports));
    const boardPort = options.boardPort ?? (await pickPort(internals.ports));
    const extra = { ...options.env, ...(await options.wireEnv?.(stores)) };
    const env = serviceEnv(stores, internals, { apiPort, boardPort, devKey, extra });
    noteAddresses(internals.dir, {
      MUSTER_POSTGRES_URL: stores.postgresUrl,
      MUSTER_REDIS_URL: stores.redisUrl,
      MUSTER_CLICKHOUSE_URL: stores.clickhouseUrl,
      MUSTER_LANES: env.MUSTER_LANES || '8',
    });
    const running = new Services({
      servicesDir,
      internals,
      env,
      autoRestart: options.autoRestart ?? true,
      terminal,
      fixedPorts: { api: apiPort, board: boardPort },
    });
    services = running;
    const admin = entryOf(servicesDir, 'admin');
    await runAdmin(internals.dir, admin, ['migrate'], env, signal);
    await runAdmin(internals.dir, admin, ['bootstrap', '--workspace', WORKSPACE, '--key', devKey], env, signal);
    await Promise.all(wanted.map((service) => running.spawn(service)));
    const apiUrl = `http://127.0.0.1:${apiPort}`;
    const service = (name: string): ServiceHandle => {
      const found = running.all.find((handle) => handle.name === name);
      if (found === undefined) throw new LocalStackError(`No process "${name}" was started in this stack.`);
      return found;
    };
    const whenReady = (deadlineMs = options.readyTimeoutMs ?? 60_000): Promise<void> => waitReady(apiUrl, running, deadlineMs, signal);
    if (wanted.includes('api')) await whenReady();
    return {
      stores,
      apiUrl,
      boardUrl: `http://127.0.0.1:${boardPort}`,
      devKey,
      env,
      get services() {
        return running.all;
      },
      service,
      spawnService: (name, serviceOptions) => running.spawn(name, serviceOptions),
      whenReady,
      stop,
    };
  } catch (error) {
    await stop();
    throw signal.aborted ? new LocalStackError('Stopped.') : error;
  }
}

function serviceEnv(
  stores: LocalStores,
  internals: StoreInternals,
  given: {
    readonly apiPort: number;
    readonly boardPort: number;
    readonly devKey: string;
    readonly extra: Readonly<Record<string, string>>;
  },
): NodeJS.ProcessEnv {
  const passed = Object.entries(process.env).filter(([name]) => PASSED_ON.includes(name) || name.startsWith('MUSTER_'));
  return {
    // As in the images.
    MALLOC_ARENA_MAX: '2',
    MUSTER_BOARD_USER: 'admin',
    MUSTER_BOARD_PASSWORD: given.devKey,
    ...Object.fromEntries(passed),
    MUSTER_POSTGRES_URL: stores.postgresUrl,
    MUSTER_REDIS_URL: stores.redisUrl,
    MUSTER_CLICKHOUSE_URL: stores.clickhouseUrl,
    MUSTER_API_HOST: '127.0.0.1',
    MUSTER_API_PORT: String(given.apiPort),
    MUSTER_BOARD_HOST: '127.0.0.1',
    MUSTER_BOARD_PORT: String(given.boardPort),
    MUSTER_DEV_KEY: given.devKey,
    MUSTER_HASH_KEY: secret(internals.dir, 'hash-key'),
    MUSTER_DATA_DIR: internals.dir.root,
    MUSTER_IMPORT_DIR: join(internals.dir.root, 'imports'),
    ...given.extra,
  };
}

async function waitReady(apiUrl: string, services: Services, deadlineMs: number, signal: AbortSignal): Promise<void> {
  const url = `${apiUrl}/health/ready`;
  const deadline = Date.now() + deadlineMs;
  let last = 'no answer yet';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    last = await probe(url);
    if (last === '200') return;
    await sleep(50);
  }
  const logs = services.all.map(({ log, name }) => `--- ${name}: ${log}\n${tail(log, 8)}`).join('\n');
  throw new LocalStackError(`${url} was not ready after ${deadlineMs / 1000} s (last: ${last}). The ends of the logs:\n${logs}`);
}

/** The status of a GET as text, or why there is none. */
async function probe(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
