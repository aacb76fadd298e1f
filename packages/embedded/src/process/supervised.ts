import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalStackError } from '../errors.ts';
import type { Exit, ProcessHandle, ProcessState } from './handle.ts';
import { identify, type ProcessIdentity, sendSignal } from './identity.ts';
import type { Command } from './launcher.ts';
import { sizeOf, tail } from './log.ts';

/** What to run and how to tell that it is up. */
export interface ProcessSpec {
  readonly name: string;
  /** Asked before every spawn, so that a start can clean up first. */
  readonly command: () => Command;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly log: string;
  /** Set when the process runs as another user and `command` does not take care of that. */
  readonly uid?: number;
  readonly gid?: number;
  /** Asked every 20 ms after a spawn. Must not throw for "not yet". */
  readonly isReady: (pid: number) => Promise<boolean>;
  /** Milliseconds until a start counts as failed. */
  readonly readyTimeoutMs: number;
  /** Runs before each spawn: remove what a dead incarnation left. */
  readonly beforeStart?: () => Promise<void>;
  readonly stopSignal: NodeJS.Signals;
  readonly stopDeadlineMs: number;
  readonly autoRestart: boolean;
  /** Log text that makes another try pointless (for instance "address in use"). */
  readonly hopeless?: RegExp;
  /** Told about every spawn and end, with all that is alive: the record the next start cleans up by. */
  readonly onChange?: (name: string, identity: ProcessIdentity | undefined) => void;
  /** Told what a person should know: deaths and restarts. */
  readonly say: (text: string) => void;
}

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;
const STABLE_AFTER_MS = 10_000;
const START_TRIES = 6;

/** A child process that is kept alive. States and transitions: see `ProcessState`. */
export class SupervisedProcess implements ProcessHandle {
  readonly name: string;
  readonly log: string;
  autoRestart: boolean;
  restarts = 0;
  state: ProcessState = 'stopped';
  exited: Promise<Exit> = Promise.reject(new LocalStackError('The process was never started.'));
  readonly #spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #startedAt = 0;
  /** Size of the log at the last spawn: what an earlier incarnation wrote says nothing about this one. */
  #logStart = 0;
  #backoffMs = BACKOFF_FIRST_MS;
  /** Bumped by every order from outside; a restart loop that belongs to an older order gives up. */
  #order = 0;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
    this.name = spec.name;
    this.log = spec.log;
    this.autoRestart = spec.autoRestart;
    this.exited.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    const pid = this.pid;
    if (pid === undefined) return false;
    sendSignal(pid, signal);
    return true;
  }

  async start(): Promise<void> {
    while (this.state === 'starting') await sleep(20);
    if (this.state === 'running') return;
    this.#order += 1;
    const order = this.#order;
    let delay = BACKOFF_FIRST_MS;
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.#launch(order);
      if (failure === undefined) return;
      const text = tail(this.log, 15, this.#logStart);
      if (order !== this.#order) throw new LocalStackError(`${this.name} was stopped while it started.`);
      if (attempt >= START_TRIES || failure === 'timeout' || this.#spec.hopeless?.test(text) === true) {
        this.state = 'stopped';
        throw new LocalStackError(`${this.name} did not start (${failure}). The end of ${this.log}:\n${text}`);
      }
      await sleep(delay);
      delay = Math.min(delay * 2, BACKOFF_MAX_MS);
    }
  }

  async stop(deadlineMs: number = this.#spec.stopDeadlineMs): Promise<void> {
    this.#order += 1;
    const child = this.#child;
    this.state = 'stopped';
    if (child?.pid === undefined) return;
    const pid = child.pid;
    sendSignal(pid, this.#spec.stopSignal);
    sendSignal(pid, 'SIGCONT');
    const timer = setTimeout(() => {
      if (this.#child === child) sendSignal(pid, 'SIGKILL');
    }, deadlineMs);
    await this.exited;
    clearTimeout(timer);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Spawns once and waits until it is ready. @returns undefined when it is, else why not. */
  async #launch(order: number): Promise<string | undefined> {
    this.state = 'starting';
    await this.#spec.beforeStart?.();
    if (order !== this.#order) return 'stopped';
    const pid = this.#spawn(order);
    const exit = this.exited;
    let ended: Exit | undefined;
    void exit.then((value) => {
      ended = value;
    });
    const deadline = Date.now() + this.#spec.readyTimeoutMs;
    while (Date.now() < deadline) {
      if (ended !== undefined) return describeExit(ended);
      if (await this.#spec.isReady(pid)) {
        if (ended !== undefined) return describeExit(ended);
        this.state = 'running';
        return undefined;
      }
      await sleep(20);
    }
    sendSignal(pid, 'SIGKILL');
    await exit;
    return 'timeout';
  }

  #spawn(order: number): number {
    const { file, args } = this.#spec.command();
    this.#logStart = sizeOf(this.log);
    const log = openSync(this.log, 'a', 0o600);
    // detached: a Ctrl-C in the terminal goes to the whole foreground group; the children must end in our order instead.
    // stdin stays open as long as we live: a child that reads its end knows that we are gone.
    const child = spawn(file, [...args], {
      cwd: this.#spec.cwd,
      env: this.#spec.env,
      stdio: ['pipe', log, log],
      detached: true,
      ...(this.#spec.uid === undefined ? {} : { uid: this.#spec.uid }),
      ...(this.#spec.gid === undefined ? {} : { gid: this.#spec.gid }),
    });
    closeSync(log);
    const pid = child.pid ?? 0;
    child.stdin?.on('error', () => {}); // The child may close its end at any time; nothing is ever written.
    this.#child = child;
    this.#startedAt = Date.now();
    this.exited = new Promise((resolve) => {
      let done = false;
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (done) return;
        done = true;
        if (this.#child === child) this.#child = undefined;
        this.#spec.onChange?.(this.name, undefined);
        resolve({ pid, code, signal });
        this.#onExit({ pid, code, signal }, order);
      };
      child.once('exit', end);
      child.once('error', (error) => {
        this.#spec.say(`${this.name} could not be run: ${error.message}`);
        end(127, null);
      });
    });
    const identity = identify(pid);
    if (identity !== undefined) this.#spec.onChange?.(this.name, identity);
    return pid;
  }

  #onExit(exit: Exit, order: number): void {
    // A start still in progress decides for itself; an order from outside supersedes this incarnation.
    if (this.state !== 'running' || order !== this.#order) return;
    if (!this.autoRestart) {
      this.state = 'stopped';
      this.#spec.say(`${this.name} (pid ${exit.pid}) ended: ${describeExit(exit)}. It is not started again. Log: ${this.log}`);
      return;
    }
    void this.#revive(exit, order);
  }

  async #revive(exit: Exit, order: number): Promise<void> {
    let reason = `pid ${exit.pid}: ${describeExit(exit)}`;
    for (;;) {
      if (Date.now() - this.#startedAt >= STABLE_AFTER_MS) this.#backoffMs = BACKOFF_FIRST_MS;
      const delay = this.#backoffMs;
      this.#backoffMs = Math.min(delay * 2, BACKOFF_MAX_MS);
      this.state = 'waiting';
      this.#spec.say(`${this.name} ended (${reason}); starting it again in ${delay} ms. Log: ${this.log}`);
      await sleep(delay);
      if (order !== this.#order || !this.autoRestart) return;
      this.restarts += 1;
      const failure = await this.#launch(order).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
      if (order !== this.#order) return;
      if (failure === undefined) {
        this.#spec.say(`${this.name} is up again (pid ${this.pid ?? 'unknown'}).`);
        return;
      }
      reason = failure;
    }
  }
}

function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : `signal ${exit.signal}`;
}
