import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { until } from '../testing.ts';
import { failure, frontUnderTest } from './testing.ts';

const front = frontUnderTest();

describe('isolation of statements', () => {
  test('settings, parameters and database of one never reach another, in any order and side by side', async () => {
    const usual = await front.rows<{ v: string }>("SELECT toString(getSetting('max_block_size')) AS v");
    const seen = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        if (index % 3 === 0) return front.rows<{ v: string }>("SELECT toString(getSetting('max_block_size')) AS v");
        if (index % 3 === 1) return failure(front.rows('SELECT {mine:String}')).then((error) => [{ v: error.code }]);
        return front.rows<{ v: string }>("SELECT concat({mine:String}, '/', toString(getSetting('max_block_size'))) AS v", {
          query_params: { mine: `p${index}` },
          clickhouse_settings: { max_block_size: String(1000 + index) },
        });
      }),
    );
    const expected = seen.map((_, index) => (index % 3 === 0 ? usual : [{ v: index % 3 === 1 ? '456' : `p${index}/${1000 + index}` }]));
    expect(seen).toEqual(expected);
  });

  test('a SET or USE inside a statement is forgotten after it', async () => {
    await front.client.command({ query: 'SET max_block_size = 77' });
    await front.client.command({ query: 'USE system' });
    expect(await front.rows("SELECT getSetting('max_block_size') != 77 AS fresh, currentDatabase() AS db")).toEqual([
      { fresh: 1, db: 'muster' },
    ]);
  });

  test('settings of an insert hold for that insert', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS lenient (id UInt32) ENGINE = MergeTree ORDER BY id' });
    const insert = (settings: Record<string, number>): Promise<unknown> =>
      front.client.insert({
        table: 'lenient',
        values: [{ id: 1, more: 2 }],
        format: 'JSONEachRow',
        clickhouse_settings: { async_insert: 0, ...settings },
      });
    await insert({ input_format_skip_unknown_fields: 1 });
    expect((await failure(insert({ input_format_skip_unknown_fields: 0 }))).code).toBe('117');
  });
});

describe('concurrency', () => {
  const slow = 'SELECT sum(sipHash64(number)) AS x FROM numbers(100000000000)';

  test('slow reads keep neither other reads nor inserts waiting, and max_execution_time ends them', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS quick (id UInt32) ENGINE = MergeTree ORDER BY id' });
    const started = performance.now();
    const slowOnes = Array.from({ length: 4 }, () =>
      failure(front.rows(slow, { query_params: { unused: 'x' }, clickhouse_settings: { max_execution_time: 4, max_threads: 1 } })),
    );
    await front.client.insert({ table: 'quick', values: [{ id: 1 }], format: 'JSONEachRow' });
    expect(await front.rows('SELECT {id:UInt32} AS id', { query_params: { id: 7 } })).toEqual([{ id: 7 }]);
    expect(performance.now() - started).toBeLessThan(3_000);
    for (const error of await Promise.all(slowOnes)) expect(error.code).toBe('159');
  }, 60_000);

  test('a read whose client goes away is cancelled', async () => {
    const running = async (): Promise<number> =>
      (
        await front.rows<{ n: number }>(
          "SELECT toUInt32(count()) AS n FROM system.processes WHERE query LIKE '%100000000000%' AND query NOT LIKE '%system.processes%'",
        )
      )[0]?.n ?? -1;
    const abort = new AbortController();
    const reading = front.client.query({ query: slow, format: 'JSONEachRow', abort_signal: abort.signal }).catch(() => 'aborted');
    await until(async () => (await running()) === 1, 'the query runs');
    abort.abort();
    expect(await reading).toBe('aborted');
    await until(async () => (await running()) === 0, 'the query was cancelled');
  }, 60_000);

  test('more requests than slots wait their turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, id) => front.rows<{ id: number }>('SELECT {id:UInt32} AS id, sleep(0.01)', { query_params: { id } })),
    );
    expect(answers.map((answer) => answer[0]?.id)).toEqual(Array.from({ length: 100 }, (_, id) => id));
  }, 60_000);
});

describe('data', () => {
  test('DateTime64, Decimal, Nullable, Array and LowCardinality survive a round trip', async () => {
    await front.client.command({
      query:
        'CREATE TABLE IF NOT EXISTS types (id UInt32, at DateTime64(3), price Decimal(18, 2), note Nullable(String), tags Array(String), kind LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY id',
    });
    const values = [
      { id: 1, at: '2024-01-01 00:00:00.001', price: '19.99', note: null, tags: ["a'b", 'c\nd'], kind: 'x' },
      { id: 2, at: '1999-12-31 23:59:59.999', price: '-0.01', note: 'ä', tags: [], kind: '' },
    ];
    const { summary } = await front.client.insert({ table: 'types', values, format: 'JSONEachRow' });
    expect(summary?.written_rows).toBe('2');
    expect(
      await front.rows('SELECT * FROM types FINAL ORDER BY id', { clickhouse_settings: { output_format_json_quote_decimals: 1 } }),
    ).toEqual(values);
  });

  test('ALTER … DELETE removes rows', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS erasable (id UInt32) ENGINE = MergeTree ORDER BY id' });
    await front.client.insert({ table: 'erasable', values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' });
    await front.client.command({
      query: 'ALTER TABLE erasable DELETE WHERE id IN {ids:Array(UInt32)}',
      query_params: { ids: [1] },
      clickhouse_settings: { mutations_sync: '2' },
    });
    expect(await front.rows('SELECT id FROM erasable')).toEqual([{ id: 2 }]);
  });

  test('a stream of 200,000 rows goes in and comes out whole', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS big (id UInt32, s String) ENGINE = MergeTree ORDER BY id' });
    const total = 200_000;
    const source = Readable.from(
      (function* () {
        for (let id = 0; id < total; id += 1) yield { id, s: `row "${id}"\n with {braces}` };
      })(),
    );
    await front.client.insert({ table: 'big', values: source, format: 'JSONEachRow', clickhouse_settings: { async_insert: 0 } });
    expect(await front.rows('SELECT toUInt32(count()) AS n, toUInt32(uniqExact(id)) AS u FROM big')).toEqual([{ n: total, u: total }]);
    let count = 0;
    const result = await front.client.query({ query: 'SELECT * FROM big', format: 'JSONEachRow' });
    for await (const batch of result.stream()) count += batch.length;
    expect(count).toBe(total);
  }, 60_000);

  test('INSERT … VALUES and INSERT … SELECT as commands', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS plain (id UInt32) ENGINE = MergeTree ORDER BY id' });
    await front.client.command({ query: 'INSERT INTO plain VALUES (1), (2)' });
    await front.client.command({ query: 'INSERT INTO plain SELECT id + 10 FROM plain' });
    expect(await front.rows('SELECT id FROM plain ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 11 }, { id: 12 }]);
  });

  test('an insert of no rows is no error', async () => {
    await front.client.insert({ table: 'big', values: Readable.from([]), format: 'JSONEachRow' });
  });
});

test('SIGKILL under load loses nothing that was acknowledged', async () => {
  await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS kept (id UInt32) ENGINE = MergeTree ORDER BY id' });
  const acknowledged: number[] = [];
  let next = 0;
  let down = false;
  const writers = Array.from({ length: 4 }, async () => {
    while (!down) {
      const id = next;
      next += 100;
      const values = Array.from({ length: 100 }, (_, offset) => ({ id: id + offset }));
      const ok = await front.client.insert({ table: 'kept', values, format: 'JSONEachRow', clickhouse_settings: { async_insert: 0 } }).then(
        () => true,
        () => false,
      );
      if (ok) acknowledged.push(id);
    }
  });
  await until(() => acknowledged.length > 100, '100 inserts');
  const { clickhouse } = front.stores.processes;
  const before = clickhouse.pid;
  clickhouse.kill('SIGKILL');
  expect((await clickhouse.exited).signal).toBe('SIGKILL');
  down = true;
  await Promise.all(writers);
  await until(() => clickhouse.state === 'running' && clickhouse.pid !== before, 'up again by itself');
  const found = new Set((await front.rows<{ id: number }>('SELECT DISTINCT id FROM kept')).map(({ id }) => id));
  for (const id of acknowledged) for (let offset = 0; offset < 100; offset += 1) expect(found.has(id + offset)).toBe(true);
}, 60_000);
