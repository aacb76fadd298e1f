/** The local stack: real Postgres, Redis and ClickHouse plus the services as child processes, for development and tests. */
export { LocalStackError } from './errors.ts';
export type { Exit, ProcessHandle, ProcessState } from './process/handle.ts';
export { type LocalStores, type StoreOptions, startStores } from './stores.ts';
