import { badArguments, cancelled, fromEngine, tooManyQueries } from './exceptions.ts';
import { type Connection, loadNative, type Native, type NativeInsert, type NativeResult, type ResultStream } from './native.ts';

/** Everything that belongs to one statement and to no other. */
export interface Scope {
  readonly database: string;
  /** Settings by name, as text. */
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}` placeholders, escaped as HTTP carries them (tab-separated rules). */
  readonly params: ReadonlyMap<string, string>;
  /** True for statements that may not change data. */
  readonly readOnly: boolean;
  /** Asked when the statement's turn comes: false when nobody waits for it any more. Default: it is wanted. */
  readonly isWanted?: () => boolean;
}

/** Two kinds, so that slow reads never keep inserts and DDL waiting, nor the other way round. */
export type Lane = 'read' | 'write';

const SLOTS: Readonly<Record<Lane, number>> = { read: 8, write: 6 };
const WAITING_MAX = 1_000;
/** Threads of libuv that the lanes can occupy at once, with some left for the file system and compression. */
export const THREADS = SLOTS.read + SLOTS.write + 10;

/** Room for a `SET` of a large array parameter: the engine counts the text of SET against max_query_size. */
const PARAM_BYTES_MAX = 1_000_000_000;

/**
 * The embedded engine, run as a server runs it: every statement has its own settings, parameters and database, many run
 * side by side.
 *
 * **A connection per statement.** Settings, parameters and the current database are state of a connection, and the
 * engine has no way to reset parameters. A connection costs about 0.4 ms here, so each statement gets a fresh one that
 * is closed after it: there is nothing to leak. (The binding's own parameters are not used: they are process-wide state
 * in the engine, and its JavaScript queues all parameterised queries behind each other.)
 */
export class Engine {
  readonly #native: Native;
  readonly #path: string;
  /** Held open for the whole life: the engine shuts down with its last connection. */
  readonly #keeper: Connection;
  readonly #free: Record<Lane, number> = { ...SLOTS };
  readonly #waiting: Record<Lane, (() => void)[]> = { read: [], write: [] };
  #idle: (() => void)[] = [];

  /** @param path absolute data directory. One process per directory: the caller makes sure. */
  constructor(path: string) {
    this.#native = loadNative();
    this.#path = path;
    this.#keeper = this.#native.CreateConnection(path);
  }

  /** Runs a statement and returns its whole result in `format` (unless the statement names one itself). */
  query(lane: Lane, scope: Scope, sql: string, format: string): Promise<NativeResult> {
    return this.#withConnection(lane, scope, (connection) => this.#native.QueryAsyncConnection(connection, sql, format));
  }

  /** Runs an `INSERT … FORMAT x` whose rows are `data`. Do not change `data` before it settles. */
  insert(scope: Scope, sql: string, data: Buffer): Promise<NativeInsert> {
    return this.#withConnection('write', scope, (connection) => this.#native.InsertRawAsyncConnection(connection, sql, data, false));
  }

  /**
   * Runs a SELECT and hands its result to `sink` piece by piece, waiting for each. Only for formats whose pieces may
   * simply follow each other: the engine formats each piece on its own.
   */
  stream(scope: Scope, sql: string, format: string, sink: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    return this.#withConnection('read', scope, async (connection) => {
      const stream: ResultStream = this.#native.StreamQuery(connection, sql, format);
      try {
        for (;;) {
          const chunk = await this.#native.StreamFetch(stream);
          if (chunk.done === true) return;
          if (chunk.bytes !== undefined && chunk.bytes.length > 0) await sink(chunk.bytes);
        }
      } finally {
        this.#native.StreamCancel(stream);
      }
    });
  }

  /** Cancels the running statements that carry this `log_comment`. Takes no slot: it must work when all are taken. */
  async cancel(comment: string): Promise<void> {
    const connection = this.#native.CreateConnection(this.#path);
    try {
      await this.#native.QueryAsyncConnection(connection, `KILL QUERY WHERE Settings['log_comment'] = ${quote(comment)} ASYNC`, 'Null');
    } finally {
      this.#native.CloseConnection(connection);
    }
  }

  /** Resolves when nothing runs any more. */
  async drained(): Promise<void> {
    if (this.#free.read === SLOTS.read && this.#free.write === SLOTS.write) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Closes the engine. Nothing may be running. */
  close(): void {
    this.#native.CloseConnection(this.#keeper);
  }

  async #withConnection<T>(lane: Lane, scope: Scope, work: (connection: Connection) => Promise<T>): Promise<T> {
    await this.#enter(lane);
    try {
      if (scope.isWanted?.() === false) throw cancelled('The client went away before the query started');
      const connection = this.#native.CreateConnection(this.#path);
      try {
        const prelude = preludeOf(scope);
        if (prelude !== '') await this.#native.QueryAsyncConnection(connection, prelude, 'Null');
        return await work(connection);
      } finally {
        this.#native.CloseConnection(connection);
      }
    } catch (error) {
      throw fromEngine(error);
    } finally {
      this.#leave(lane);
    }
  }

  #enter(lane: Lane): Promise<void> | void {
    if (this.#free[lane] > 0) {
      this.#free[lane] -= 1;
      return;
    }
    const waiting = this.#waiting[lane];
    if (waiting.length >= WAITING_MAX) throw tooManyQueries(`Too many simultaneous queries: ${WAITING_MAX} are waiting`);
    return new Promise((resolve) => waiting.push(resolve));
  }

  #leave(lane: Lane): void {
    const next = this.#waiting[lane].shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#free[lane] += 1;
    if (this.#free.read !== SLOTS.read || this.#free.write !== SLOTS.write) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** The statements that give a fresh connection its scope. */
function preludeOf({ database, settings, params, readOnly }: Scope): string {
  const statements: string[] = [];
  if (database !== 'default') statements.push(`USE ${quoteIdentifier(database)}`);
  if (params.size > 0) {
    const assignments = [...params].map(([name, value]) => `param_${checkedName(name)} = ${quote(value)}`);
    statements.push(`SET max_query_size = ${PARAM_BYTES_MAX}`, `SET ${assignments.join(', ')}`, 'SET max_query_size = DEFAULT');
  }
  const assignments = [...settings].map(([name, value]) => `${checkedName(name)} = ${quote(value)}`);
  // 2: data may not change, settings may (a SELECT's own SETTINGS clause). Last, for it forbids nothing before it.
  if (readOnly) assignments.push('readonly = 2');
  if (assignments.length > 0) statements.push(`SET ${assignments.join(', ')}`);
  return statements.join('; ');
}

function checkedName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) throw badArguments(`"${name}" is not a name of a setting or parameter`);
  return name;
}

/** A string literal: the engine reads back exactly `text`. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`;
}

function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
