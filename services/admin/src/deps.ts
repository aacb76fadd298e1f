/** What the commands work with. Stores are opened when a command first asks for them, and closed together at the end. */
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { createPool, type Pool } from '@muster/postgres';
import { type AdminConfig, createLogger, producerConnection, type Redis } from '@muster/runtime';
import type { Output } from './output.ts';

export type Deps = {
  config: AdminConfig;
  output: Output;
  postgres: () => Pool;
  clickhouse: () => ClickHouse;
  redis: () => Promise<Redis>;
  close: () => Promise<void>;
};

export function openDeps(config: AdminConfig, output: Output): Deps {
  const closers: (() => Promise<unknown>)[] = [];
  const once = <T>(open: () => T): (() => T) => {
    let value: { it: T } | undefined;
    return () => {
      value ??= { it: open() };
      return value.it;
    };
  };
  return {
    config,
    output,
    postgres: once(() => {
      // A lost idle connection shows in the statement that needs one.
      const pool = createPool(config.MUSTER_POSTGRES_URL, { max: 3, role: 'admin', onError: () => undefined });
      closers.push(() => pool.end());
      return pool;
    }),
    clickhouse: once(() => {
      const clickhouse = createClickHouse(config.MUSTER_CLICKHOUSE_URL, { maxConnections: 4 });
      closers.push(() => clickhouse.close());
      return clickhouse;
    }),
    redis: once(async () => {
      const redis = producerConnection(config.MUSTER_REDIS_URL, createLogger('admin', 'silent'));
      closers.push(async () => redis.disconnect());
      await new Promise<void>((resolve, reject) => {
        redis.once('ready', resolve);
        redis.once('error', reject);
      });
      return redis;
    }),
    close: async () => {
      await Promise.all(closers.map((close) => close()));
    },
  };
}
