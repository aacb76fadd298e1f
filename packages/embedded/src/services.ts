import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LocalStackError } from './errors.ts';
import { pickPort } from './ports.ts';
import type { ProcessHandle } from './process/handle.ts';
import { bindToParent } from './process/launcher.ts';
import { SupervisedProcess } from './process/supervised.ts';
import type { StoreInternals } from './stores.ts';
import type { Terminal } from './terminal.ts';
import { REPOSITORY, runTypeScript } from './typescript.ts';

/** How to run one more process of a service. */
export interface ServiceOptions {
  /** Unique among the living processes of the stack; also the name of its log. Default `worker-2` and so on. */
  readonly name?: string;
  /** Added to the environment of the stack. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is started again when it dies. Default: the stack's `autoRestart`. */
  readonly restart?: boolean;
}

/** One running service. */
export interface ServiceHandle extends ProcessHandle {
  /** `api`, `worker`, `board`, …: the folder below `services/`. */
  readonly service: string;
  /** The port it serves HTTP on: its own variable (MUSTER_API_PORT, MUSTER_WORKER_PORT, …) carries it. */
  readonly port: number;
}

/**
 * As in the images: chunks live a little longer than V8's default young generation of 16 MB expects, and copying them was an eighth
 * of a worker's time.
 */
const SERVICE_FLAGS = ['--max-semi-space-size=64'];

/** Milliseconds a service gets to hand its work back. */
const STOP_DEADLINE_MS = 20_000;

/** Where the services of this checkout lie. */
export const SERVICES_DIR = join(REPOSITORY, 'services');

/** True when the directory has an entry file for the service. */
export function hasEntry(servicesDir: string, service: string): boolean {
  return existsSync(entryPath(servicesDir, service));
}

/**
 * The entry file of a service.
 *
 * @throws LocalStackError when there is none: starting it again and again would not help.
 */
export function entryOf(servicesDir: string, service: string): string {
  const entry = entryPath(servicesDir, service);
  if (existsSync(entry)) return entry;
  throw new LocalStackError(`There is no service "${service}" in this checkout: ${entry} does not exist.`);
}

function entryPath(servicesDir: string, service: string): string {
  return join(servicesDir, service, 'src', 'main.ts');
}

/** Starts and remembers the services of one stack. */
export class Services {
  readonly #servicesDir: string;
  readonly #internals: StoreInternals;
  readonly #env: NodeJS.ProcessEnv;
  readonly #autoRestart: boolean;
  readonly #terminal: Terminal;
  readonly #fixedPorts: Readonly<Record<string, number>>;
  readonly #running = new Map<string, ServiceHandle>();
  #closed = false;

  /** @param fixedPorts ports of the first process of a service; every other one gets a free port. */
  constructor(options: {
    readonly servicesDir: string;
    readonly internals: StoreInternals;
    readonly env: NodeJS.ProcessEnv;
    readonly autoRestart: boolean;
    readonly terminal: Terminal;
    readonly fixedPorts: Readonly<Record<string, number>>;
  }) {
    this.#servicesDir = options.servicesDir;
    this.#internals = options.internals;
    this.#env = options.env;
    this.#autoRestart = options.autoRestart;
    this.#terminal = options.terminal;
    this.#fixedPorts = options.fixedPorts;
  }

  /** Every service process that was started, also those that are down at the moment. */
  get all(): readonly ServiceHandle[] {
    return [...this.#running.values()];
  }

  /**
   * Starts a process of a service; resolves when it is spawned, which is before it is ready.
   *
   * @throws LocalStackError when the service or its name cannot be used.
   */
  async spawn(service: string, options: ServiceOptions = {}): Promise<ServiceHandle> {
    if (this.#closed) throw new LocalStackError('The stack is being stopped.');
    const entry = entryOf(this.#servicesDir, service);
    const name = this.#nameFor(service, options.name);
    const port = await this.#portFor(service, name);
    const command = runTypeScript(entry, [], SERVICE_FLAGS);
    const process = new SupervisedProcess({
      name,
      command: () => bindToParent(command, 'TERM'),
      env: { ...this.#env, [`MUSTER_${service.toUpperCase()}_PORT`]: String(port), MUSTER_SERVICE_NAME: name, ...options.env },
      cwd: REPOSITORY,
      log: join(this.#internals.dir.logs, `${name}.log`),
      // Readiness of a service is its own affair (/health/ready): a stack may run several, and some on purpose crippled.
      isReady: async () => true,
      readyTimeoutMs: 10_000,
      stopSignal: 'SIGTERM',
      stopDeadlineMs: STOP_DEADLINE_MS,
      autoRestart: options.restart ?? this.#autoRestart,
      onChange: (label, identity) => this.#internals.records.note(label, identity),
      say: (text) => this.#terminal.line(text),
    });
    const handle: ServiceHandle = Object.assign(process, { service, port });
    this.#running.set(name, handle);
    await handle.start();
    return handle;
  }

  /** Stops all of them side by side. None can be started after that. */
  async stop(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.all.map((handle) => handle.stop()));
  }

  #nameFor(service: string, wanted: string | undefined): string {
    if (wanted !== undefined) {
      if (!/^[a-z0-9][a-z0-9-]*$/.test(wanted))
        throw new LocalStackError(`"${wanted}" cannot name a process: use small letters, digits and hyphens.`);
      const known = this.#running.get(wanted);
      if (known !== undefined && known.state !== 'stopped') throw new LocalStackError(`A process "${wanted}" runs already.`);
      return wanted;
    }
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? service : `${service}-${number}`;
      if (!this.#running.has(name)) return name;
    }
  }

  async #portFor(service: string, name: string): Promise<number> {
    const fixed = this.#fixedPorts[service];
    return fixed !== undefined && name === service ? fixed : pickPort(this.#internals.ports);
  }
}
