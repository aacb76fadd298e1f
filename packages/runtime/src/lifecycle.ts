/**
 * Ordered shutdown. States: running → stopping → stopped.
 *
 * Steps run in the order in which they were registered (stop intake first, close clients last); each has a deadline, so
 * that one hung client cannot keep the process alive; a second signal ends the process at once.
 */
import { ConfigError } from './config.ts';
import { errorFields, type Logger } from './logger.ts';

export type ShutdownStep = { name: string; deadlineMs: number; run: () => Promise<void> | void };

export class Lifecycle {
  #state: 'running' | 'stopping' | 'stopped' = 'running';
  readonly #steps: ShutdownStep[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  get stopping(): boolean {
    return this.#state !== 'running';
  }

  /** Adds a step; steps run in registration order. */
  onShutdown(name: string, deadlineMs: number, run: ShutdownStep['run']): void {
    this.#steps.push({ name, deadlineMs, run });
  }

  /** Runs every step once; a failing or late step is logged and the next one runs. */
  async shutdown(reason: string): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#log.info({ reason }, 'shutting down');
    for (const step of this.#steps) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), step.deadlineMs);
      });
      try {
        const end = await Promise.race([Promise.resolve(step.run()).then(() => 'done' as const), late]);
        if (end === 'late') this.#log.warn({ step: step.name, deadline_ms: step.deadlineMs }, 'shutdown step passed its deadline');
      } catch (error) {
        this.#log.warn({ step: step.name, ...errorFields(error) }, 'shutdown step failed');
      } finally {
        clearTimeout(timer);
      }
    }
    this.#state = 'stopped';
    this.#log.info('stopped');
  }

  /** SIGTERM and SIGINT shut down and exit 0; the second signal exits 1 at once. */
  handleSignals(): void {
    let signals = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        signals += 1;
        if (signals > 1) process.exit(1);
        void this.shutdown(signal).then(() => process.exit(0));
      });
    }
  }
}

/**
 * Runs a process' main function. A configuration that cannot be used is told in plain words on standard error; anything else that
 * stops the start is logged. Exit code 1 in both cases.
 */
export function runMain(log: () => Logger | null, main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
    else {
      const logger = log();
      if (logger) logger.fatal(errorFields(error), 'the process could not start');
      else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    }
    process.exit(1);
  });
}
