import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll } from 'vitest';
import { type LocalStores, startStores } from '../index.ts';
import { temporaryDir } from '../testing.ts';

/** What a test of the front works with; valid inside tests. */
export interface FrontUnderTest {
  readonly stores: LocalStores;
  /** The official client, with compression both ways. */
  readonly client: ClickHouseClient;
  rows<T>(
    query: string,
    options?: { query_params?: Record<string, unknown>; clickhouse_settings?: Record<string, string | number> },
  ): Promise<T[]>;
  /** Without the client: what HTTP itself answers. */
  raw(path: string, init?: RequestInit): Promise<Response>;
}

/** Starts stores for the tests of one file and stops them after it. */
export function frontUnderTest(): FrontUnderTest {
  const directory = temporaryDir();
  let stores: LocalStores;
  let client: ClickHouseClient;
  beforeAll(async () => {
    stores = await startStores({ dataDir: directory.path });
    client = createClient({
      url: stores.clickhouseUrl,
      compression: { request: true, response: true },
      max_open_connections: 32,
      log: { level: ClickHouseLogLevel.OFF },
    });
  }, 60_000);
  afterAll(async () => {
    await client.close();
    await stores.stop();
    directory.remove();
  }, 60_000);
  return {
    get stores() {
      return stores;
    },
    get client() {
      return client;
    },
    rows: async <T>(query: string, options = {}) => (await client.query({ query, format: 'JSONEachRow', ...options })).json<T>(),
    raw: (path, init = {}) => fetch(new URL(path, `http://127.0.0.1:${new URL(stores.clickhouseUrl).port}`), init),
  };
}

/** The error a call of the client fails with. @throws Error when it does not, or with something else. */
export async function failure(work: Promise<unknown>): Promise<ClickHouseError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ClickHouseError) return error;
  throw new Error(`Expected a ClickHouseError, got ${String(error)}`);
}
