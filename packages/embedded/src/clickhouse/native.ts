import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LocalStackError } from '../errors.ts';

/** An open connection to the engine. Opaque. */
export type Connection = object;
/** An open result stream. Opaque. */
export type ResultStream = object;

/** What a statement returned. */
export interface NativeResult {
  readonly bytes: Uint8Array;
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

/** What an insert did. */
export interface NativeInsert {
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  /** Seconds. */
  readonly elapsed: number;
}

/** One piece of a result stream; `done` says that there is no further one. */
export interface NativeChunk {
  readonly done?: boolean;
  readonly bytes?: Uint8Array;
}

/**
 * The part of chdb's addon that is used here.
 *
 * The addon is used directly, and not chdb's `Session`, for two reasons. `Session.insert` accepts eight text formats and
 * plain table names only, where HTTP passes any INSERT on. And `Session.close` waits for every running operation of the
 * process: with a connection per query, connections would pile up behind one slow query.
 */
export interface Native {
  CreateConnection(path: string, args?: readonly string[]): Connection;
  CloseConnection(connection: Connection): void;
  QueryAsyncConnection(connection: Connection, sql: string, format: string): Promise<NativeResult>;
  InsertRawAsyncConnection(connection: Connection, sql: string, data: Buffer, countLines: boolean): Promise<NativeInsert>;
  StreamQuery(connection: Connection, sql: string, format: string): ResultStream;
  StreamFetch(stream: ResultStream): Promise<NativeChunk>;
  StreamCancel(stream: ResultStream): void;
}

const FUNCTIONS: readonly (keyof Native)[] = [
  'CreateConnection',
  'CloseConnection',
  'QueryAsyncConnection',
  'InsertRawAsyncConnection',
  'StreamQuery',
  'StreamFetch',
  'StreamCancel',
];

/**
 * Loads the engine (about 540 MB of library, mapped lazily).
 *
 * @throws LocalStackError when chdb is not installed for this platform or is not the version this was written for.
 */
export function loadNative(): Native {
  const require = createRequire(import.meta.url);
  // By path: the package exports no subpath for its loader.
  const loader: unknown = require(join(dirname(require.resolve('chdb')), 'dist', 'loader.js'));
  const addon = isObject(loader) && typeof loader.loadNative === 'function' ? (loader.loadNative() as unknown) : undefined;
  if (!isNative(addon)) throw new LocalStackError('The installed chdb does not offer the functions this front needs. Run: npm ci');
  return addon;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isNative(value: unknown): value is Native {
  return isObject(value) && FUNCTIONS.every((name) => typeof value[name] === 'function');
}
