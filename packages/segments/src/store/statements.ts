/** Reading statements: parameters bound, rows checked. */
import type { ClickHouse } from '@muster/clickhouse';
import type { z } from 'zod';

type Settings = NonNullable<Parameters<ClickHouse['query']>[0]['clickhouse_settings']>;

export type Statement<T extends z.ZodType> = {
  query: string;
  params: Record<string, unknown>;
  row: T;
  settings?: Settings;
  abort?: AbortSignal;
};

export async function readRows<T extends z.ZodType>(clickhouse: ClickHouse, statement: Statement<T>): Promise<z.infer<T>[]> {
  const result = await clickhouse.query({
    query: statement.query,
    query_params: statement.params,
    ...(statement.settings ? { clickhouse_settings: statement.settings } : {}),
    ...(statement.abort ? { abort_signal: statement.abort } : {}),
    format: 'JSONCompactEachRow',
  });
  return (await result.json<unknown>()).map((row) => statement.row.parse(row));
}
