import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalStores, startStores } from '../index.ts';
import { temporaryDir, until } from '../testing.ts';

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

async function rows<T>(
  query: string,
  options: { query_params?: Record<string, unknown>; clickhouse_settings?: Record<string, string | number> } = {},
): Promise<T[]> {
  return (await client.query({ query, format: 'JSONEachRow', ...options })).json<T>();
}

/** Without the client: what HTTP itself answers. */
function raw(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, stores.clickhouseUrl.replace('default:@', '')), init);
}

async function failure(work: Promise<unknown>): Promise<ClickHouseError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ClickHouseError) return error;
  throw new Error(`Expected a ClickHouseError, got ${String(error)}`);
}

describe('the interface', () => {
  test('ping answers, and the database muster exists', async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
    expect(await rows('SELECT currentDatabase() AS db')).toEqual([{ db: 'muster' }]);
  });

  test('query by GET, by POST and by both halves', async () => {
    expect(await (await raw('/?query=SELECT%201')).text()).toBe('1\n');
    expect(await (await raw('/', { method: 'POST', body: 'SELECT 2' })).text()).toBe('2\n');
    expect(await (await raw('/?query=SELECT', { method: 'POST', body: '3' })).text()).toBe('3\n');
    expect(await (await raw('/?default_format=JSONEachRow', { method: 'POST', body: 'SELECT 4 AS x' })).text()).toBe('{"x":4}\n');
  });

  test('GET may not write', async () => {
    const response = await raw('/?query=CREATE%20TABLE%20nope%20(a%20Int8)%20ENGINE%3DMemory');
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('164');
  });

  test('the ids and the summary are in the headers', async () => {
    const id = randomUUID();
    const response = await raw(`/?query_id=${id}`, { method: 'POST', body: 'SELECT number FROM numbers(1000) FORMAT JSON' });
    expect(response.headers.get('x-clickhouse-query-id')).toBe(id);
    expect(JSON.parse(response.headers.get('x-clickhouse-summary') ?? '{}')).toMatchObject({ result_rows: '1000' });
  });

  test('gzip both ways', async () => {
    const response = await raw('/?enable_http_compression=1', {
      method: 'POST',
      body: gzipSync("SELECT repeat('a', 10000)"),
      headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect((await response.text()).trim()).toHaveLength(10_000);
    expect(gunzipSync(gzipSync('x')).toString()).toBe('x');
  });

  test('what a server knows and this front does not is refused, not ignored', async () => {
    expect((await failure(client.query({ query: 'SELECT 1', session_id: 'abc' }))).code).toBe('48');
  });
});

describe('errors', () => {
  test.each([
    ['SELECT * FROM nowhere', '60', 'UNKNOWN_TABLE', 404],
    ['SELEC 1', '62', 'SYNTAX_ERROR', 400],
    ['SELECT nothing', '47', 'UNKNOWN_IDENTIFIER', 404],
    ["SELECT toUInt8('x')", '6', 'CANNOT_PARSE_TEXT', 400],
    ['SELECT throwIf(1)', '395', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 500],
  ])('%s has code %s', async (query, code, type, status) => {
    expect(await failure(rows(query))).toMatchObject({ code, type });
    expect((await raw('/', { method: 'POST', body: query })).status).toBe(status);
  });

  test('an unknown setting, a missing parameter and an unknown database', async () => {
    expect((await failure(rows('SELECT 1', { clickhouse_settings: { no_such_setting: 1 } }))).code).toBe('115');
    expect((await failure(rows('SELECT {absent:String}'))).code).toBe('456');
    expect((await raw('/?database=elsewhere', { method: 'POST', body: 'SELECT 1' })).headers.get('x-clickhouse-exception-code')).toBe('81');
  });

  test('a row that does not parse fails the insert with its code', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS strict (id UInt32) ENGINE = MergeTree ORDER BY id' });
    expect((await failure(client.insert({ table: 'strict', values: [{ id: 'x' }], format: 'JSONEachRow' }))).code).toBe('27');
    expect(await rows('SELECT count() AS n FROM strict')).toEqual([{ n: 0 }]);
  });

  test('a failure in the middle of a streamed result reaches the reader', async () => {
    const result = await client.query({
      query: 'SELECT throwIf(number = 2000000) AS x FROM numbers(3000000) SETTINGS max_threads = 1',
      format: 'JSONEachRow',
    });
    await expect(result.json()).rejects.toThrow(/non-zero/);
  });
});

describe('isolation of statements', () => {
  test('settings, parameters and database of one never reach another, in any order and side by side', async () => {
    const usual = await rows<{ v: string }>("SELECT toString(getSetting('max_block_size')) AS v");
    const seen = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        if (index % 3 === 0) return rows<{ v: string }>("SELECT toString(getSetting('max_block_size')) AS v");
        if (index % 3 === 1) return failure(rows('SELECT {mine:String}')).then((error) => [{ v: error.code }]);
        return rows<{ v: string }>("SELECT concat({mine:String}, '/', toString(getSetting('max_block_size'))) AS v", {
          query_params: { mine: `p${index}` },
          clickhouse_settings: { max_block_size: String(1000 + index) },
        });
      }),
    );
    const expected = seen.map((_, index) => (index % 3 === 0 ? usual : [{ v: index % 3 === 1 ? '456' : `p${index}/${1000 + index}` }]));
    expect(seen).toEqual(expected);
  });

  test('a SET or USE inside a statement is forgotten after it', async () => {
    await client.command({ query: 'SET max_block_size = 77' });
    await client.command({ query: 'USE system' });
    expect(await rows("SELECT getSetting('max_block_size') != 77 AS fresh, currentDatabase() AS db")).toEqual([{ fresh: 1, db: 'muster' }]);
  });

  test('settings of an insert hold for that insert', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS lenient (id UInt32) ENGINE = MergeTree ORDER BY id' });
    const insert = (settings: Record<string, number>): Promise<unknown> =>
      client.insert({
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
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS quick (id UInt32) ENGINE = MergeTree ORDER BY id' });
    const started = performance.now();
    const slowOnes = Array.from({ length: 4 }, () =>
      failure(rows(slow, { query_params: { unused: 'x' }, clickhouse_settings: { max_execution_time: 4, max_threads: 1 } })),
    );
    await client.insert({ table: 'quick', values: [{ id: 1 }], format: 'JSONEachRow' });
    expect(await rows('SELECT {id:UInt32} AS id', { query_params: { id: 7 } })).toEqual([{ id: 7 }]);
    expect(performance.now() - started).toBeLessThan(3_000);
    for (const error of await Promise.all(slowOnes)) expect(error.code).toBe('159');
  }, 60_000);

  test('a read whose client goes away is cancelled', async () => {
    const running = async (): Promise<number> =>
      (
        await rows<{ n: number }>(
          "SELECT toUInt32(count()) AS n FROM system.processes WHERE query LIKE '%100000000000%' AND query NOT LIKE '%system.processes%'",
        )
      )[0]?.n ?? -1;
    const abort = new AbortController();
    const reading = client.query({ query: slow, format: 'JSONEachRow', abort_signal: abort.signal }).catch(() => 'aborted');
    await until(async () => (await running()) === 1, 'the query runs');
    abort.abort();
    expect(await reading).toBe('aborted');
    await until(async () => (await running()) === 0, 'the query was cancelled');
  }, 60_000);

  test('more requests than slots wait their turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, id) => rows<{ id: number }>('SELECT {id:UInt32} AS id, sleep(0.01)', { query_params: { id } })),
    );
    expect(answers.map((answer) => answer[0]?.id)).toEqual(Array.from({ length: 100 }, (_, id) => id));
  }, 60_000);
});

describe('typed parameters', () => {
  const nasty = [
    "it's",
    'back\\slash',
    'tab\there',
    'new\nline',
    '{x:String}',
    '"; DROP TABLE t --',
    '',
    'ünïcödé 🎈',
    "\\'",
    '\\N',
    'a\rb',
    '%',
    'nul\0',
  ];

  test.each(nasty.map((text) => [JSON.stringify(text), text]))('string %s', async (_, text) => {
    expect(await rows('SELECT {s:String} AS s', { query_params: { s: text } })).toEqual([{ s: text }]);
  });

  test('arrays, maps, tuples, null, dates, decimals, big integers', async () => {
    const [row] = await rows(
      'SELECT {a:Array(String)} AS a, {m:Map(String, UInt8)} AS m, {n:Nullable(String)} AS n, {b:UInt64} AS b, {d:DateTime64(3)} AS d, {f:Decimal(18, 4)} AS f, {e:Array(UInt32)} AS e',
      {
        query_params: {
          a: nasty.filter((text) => !text.includes('\0')),
          m: { "k'ey": 1 },
          n: null,
          b: '18446744073709551615',
          d: '2024-02-29 12:34:56.789',
          f: '12345678901234.5678',
          e: [],
        },
        clickhouse_settings: { output_format_json_quote_decimals: 1, output_format_json_quote_64bit_integers: 1 },
      },
    );
    expect(row).toEqual({
      a: nasty.filter((text) => !text.includes('\0')),
      m: { "k'ey": 1 },
      n: null,
      b: '18446744073709551615',
      d: '2024-02-29 12:34:56.789',
      f: '12345678901234.5678',
      e: [],
    });
  });

  test('an identifier, and a parameter in an insert', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS named (v String) ENGINE = MergeTree ORDER BY v' });
    await client.command({ query: 'INSERT INTO {t:Identifier} SELECT {v:String}', query_params: { t: 'named', v: "o'k" } });
    expect(await rows('SELECT v FROM {t:Identifier}', { query_params: { t: 'named' } })).toEqual([{ v: "o'k" }]);
  });

  test('a parameter of a megabyte, in the URL or as form part', async () => {
    const ids = Array.from({ length: 100_000 }, (_, index) => index);
    const query = {
      query: 'SELECT length({ids:Array(UInt32)}) AS n, arraySum({ids:Array(UInt32)}) AS s',
      format: 'JSONEachRow',
      query_params: { ids },
    } as const;
    expect(await (await client.query({ ...query, use_multipart_params: true })).json()).toEqual([{ n: 100_000, s: 4_999_950_000 }]);
    expect(await (await client.query(query)).json()).toEqual([{ n: 100_000, s: 4_999_950_000 }]);
  });
});

describe('data', () => {
  test('DateTime64, Decimal, Nullable, Array and LowCardinality survive a round trip', async () => {
    await client.command({
      query:
        'CREATE TABLE IF NOT EXISTS types (id UInt32, at DateTime64(3), price Decimal(18, 2), note Nullable(String), tags Array(String), kind LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY id',
    });
    const values = [
      { id: 1, at: '2024-01-01 00:00:00.001', price: '19.99', note: null, tags: ["a'b", 'c\nd'], kind: 'x' },
      { id: 2, at: '1999-12-31 23:59:59.999', price: '-0.01', note: 'ä', tags: [], kind: '' },
    ];
    const { summary } = await client.insert({ table: 'types', values, format: 'JSONEachRow' });
    expect(summary?.written_rows).toBe('2');
    expect(await rows('SELECT * FROM types FINAL ORDER BY id', { clickhouse_settings: { output_format_json_quote_decimals: 1 } })).toEqual(
      values,
    );
  });

  test('ALTER … DELETE removes rows', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS erasable (id UInt32) ENGINE = MergeTree ORDER BY id' });
    await client.insert({ table: 'erasable', values: [{ id: 1 }, { id: 2 }], format: 'JSONEachRow' });
    await client.command({
      query: 'ALTER TABLE erasable DELETE WHERE id IN {ids:Array(UInt32)}',
      query_params: { ids: [1] },
      clickhouse_settings: { mutations_sync: '2' },
    });
    expect(await rows('SELECT id FROM erasable')).toEqual([{ id: 2 }]);
  });

  test('a stream of 200,000 rows goes in and comes out whole', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS big (id UInt32, s String) ENGINE = MergeTree ORDER BY id' });
    const total = 200_000;
    const source = Readable.from(
      (function* () {
        for (let id = 0; id < total; id += 1) yield { id, s: `row "${id}"\n with {braces}` };
      })(),
    );
    await client.insert({ table: 'big', values: source, format: 'JSONEachRow', clickhouse_settings: { async_insert: 0 } });
    expect(await rows('SELECT toUInt32(count()) AS n, toUInt32(uniqExact(id)) AS u FROM big')).toEqual([{ n: total, u: total }]);
    let count = 0;
    const result = await client.query({ query: 'SELECT * FROM big', format: 'JSONEachRow' });
    for await (const batch of result.stream()) count += batch.length;
    expect(count).toBe(total);
  }, 60_000);

  test('INSERT … VALUES and INSERT … SELECT as commands', async () => {
    await client.command({ query: 'CREATE TABLE IF NOT EXISTS plain (id UInt32) ENGINE = MergeTree ORDER BY id' });
    await client.command({ query: 'INSERT INTO plain VALUES (1), (2)' });
    await client.command({ query: 'INSERT INTO plain SELECT id + 10 FROM plain' });
    expect(await rows('SELECT id FROM plain ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 11 }, { id: 12 }]);
  });

  test('an insert of no rows is no error', async () => {
    await client.insert({ table: 'big', values: Readable.from([]), format: 'JSONEachRow' });
  });
});

test('SIGKILL under load loses nothing that was acknowledged', async () => {
  await client.command({ query: 'CREATE TABLE IF NOT EXISTS kept (id UInt32) ENGINE = MergeTree ORDER BY id' });
  const acknowledged: number[] = [];
  let next = 0;
  let down = false;
  const writers = Array.from({ length: 4 }, async () => {
    while (!down) {
      const id = next;
      next += 100;
      const values = Array.from({ length: 100 }, (_, offset) => ({ id: id + offset }));
      const ok = await client.insert({ table: 'kept', values, format: 'JSONEachRow', clickhouse_settings: { async_insert: 0 } }).then(
        () => true,
        () => false,
      );
      if (ok) acknowledged.push(id);
    }
  });
  await until(() => acknowledged.length > 100, '100 inserts');
  const { clickhouse } = stores.processes;
  const before = clickhouse.pid;
  clickhouse.kill('SIGKILL');
  expect((await clickhouse.exited).signal).toBe('SIGKILL');
  down = true;
  await Promise.all(writers);
  await until(() => clickhouse.state === 'running' && clickhouse.pid !== before, 'up again by itself');
  const found = new Set((await rows<{ id: number }>('SELECT DISTINCT id FROM kept')).map(({ id }) => id));
  for (const id of acknowledged) for (let offset = 0; offset < 100; offset += 1) expect(found.has(id + offset)).toBe(true);
}, 60_000);
