/** How one incarnation of a child ended. */
export interface Exit {
  readonly pid: number;
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * What a child is doing. `starting`: spawned, not ready yet; `running`: it was ready; `waiting`: it died and is started
 * again after the back-off; `stopped`: down, and stays so until `start()`.
 */
export type ProcessState = 'starting' | 'running' | 'waiting' | 'stopped';

/** One supervised child process, addressable by whoever holds it: tests kill, freeze and restart it by hand. */
export interface ProcessHandle {
  readonly name: string;
  /** Pid of the living incarnation; undefined while there is none. */
  readonly pid: number | undefined;
  readonly state: ProcessState;
  /** Absolute path of the file that holds its standard output and error, appended to over restarts. */
  readonly log: string;
  /** How many times it was started again by itself. */
  readonly restarts: number;
  /** Whether it is started again when it dies. May be changed at any time; read at the moment of death. */
  autoRestart: boolean;
  /** Resolves when the current incarnation ends (at once when there is none and there was one before). */
  readonly exited: Promise<Exit>;
  /** Sends a signal to the living incarnation. @returns false when there is none. */
  kill(signal?: NodeJS.Signals): boolean;
  /**
   * Ends it in order (its stop signal, SIGCONT, SIGKILL after the deadline) and keeps it down.
   *
   * @param deadlineMs milliseconds for the orderly way; default depends on the child.
   */
  stop(deadlineMs?: number): Promise<void>;
  /** Starts it when it is down and resolves when it is ready. @throws LocalStackError with the tail of its log. */
  start(): Promise<void>;
  /** `stop` and `start`: same port, same data. */
  restart(): Promise<void>;
}
