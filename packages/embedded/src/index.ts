/** The local stack: real Postgres, Redis and ClickHouse plus the services as child processes, for development and tests. */
export { LocalStackError } from './errors.ts';
export type { Exit, ProcessHandle, ProcessState } from './process/handle.ts';
export type { ServiceHandle, ServiceOptions } from './services.ts';
export { DEFAULT_DEV_KEY, type LocalStack, type StackOptions, startStack } from './stack.ts';
export { type LocalStores, type StoreOptions, startStores } from './stores.ts';
export type { Terminal } from './terminal.ts';
export { REPOSITORY, runTypeScript } from './typescript.ts';
