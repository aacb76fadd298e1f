import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { failure, frontUnderTest } from './testing.ts';

const front = frontUnderTest();

describe('the interface', () => {
  test('ping answers, and the database muster exists', async () => {
    expect(await front.client.ping()).toMatchObject({ success: true });
    expect(await front.client.ping({ select: true })).toMatchObject({ success: true });
    expect(await front.rows('SELECT currentDatabase() AS db')).toEqual([{ db: 'muster' }]);
  });

  test('query by GET, by POST and by both halves', async () => {
    expect(await (await front.raw('/?query=SELECT%201')).text()).toBe('1\n');
    expect(await (await front.raw('/', { method: 'POST', body: 'SELECT 2' })).text()).toBe('2\n');
    expect(await (await front.raw('/?query=SELECT', { method: 'POST', body: '3' })).text()).toBe('3\n');
    expect(await (await front.raw('/?default_format=JSONEachRow', { method: 'POST', body: 'SELECT 4 AS x' })).text()).toBe('{"x":4}\n');
  });

  test('GET may not write', async () => {
    const response = await front.raw('/?query=CREATE%20TABLE%20nope%20(a%20Int8)%20ENGINE%3DMemory');
    expect(response.headers.get('x-clickhouse-exception-code')).toBe('164');
  });

  test('the ids and the summary are in the headers', async () => {
    const id = randomUUID();
    const response = await front.raw(`/?query_id=${id}`, { method: 'POST', body: 'SELECT number FROM numbers(1000) FORMAT JSON' });
    expect(response.headers.get('x-clickhouse-query-id')).toBe(id);
    expect(JSON.parse(response.headers.get('x-clickhouse-summary') ?? '{}')).toMatchObject({ result_rows: '1000' });
  });

  test('gzip both ways', async () => {
    const response = await front.raw('/?enable_http_compression=1', {
      method: 'POST',
      body: gzipSync("SELECT repeat('a', 10000)"),
      headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
    });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect((await response.text()).trim()).toHaveLength(10_000);
  });

  test('what a server knows and this front does not is refused, not ignored', async () => {
    expect((await failure(front.client.query({ query: 'SELECT 1', session_id: 'abc' }))).code).toBe('48');
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
    expect(await failure(front.rows(query))).toMatchObject({ code, type });
    expect((await front.raw('/', { method: 'POST', body: query })).status).toBe(status);
  });

  test('an unknown setting, a missing parameter and an unknown database', async () => {
    expect((await failure(front.rows('SELECT 1', { clickhouse_settings: { no_such_setting: 1 } }))).code).toBe('115');
    expect((await failure(front.rows('SELECT {absent:String}'))).code).toBe('456');
    expect((await front.raw('/?database=elsewhere', { method: 'POST', body: 'SELECT 1' })).headers.get('x-clickhouse-exception-code')).toBe(
      '81',
    );
  });

  test('a row that does not parse fails the insert with its code', async () => {
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS strict (id UInt32) ENGINE = MergeTree ORDER BY id' });
    expect((await failure(front.client.insert({ table: 'strict', values: [{ id: 'x' }], format: 'JSONEachRow' }))).code).toBe('27');
    expect(await front.rows('SELECT count() AS n FROM strict')).toEqual([{ n: 0 }]);
  });

  test('a failure in the middle of a streamed result reaches the reader', async () => {
    const result = await front.client.query({
      query: 'SELECT throwIf(number = 2000000) AS x FROM numbers(3000000) SETTINGS max_threads = 1',
      format: 'JSONEachRow',
    });
    await expect(result.json()).rejects.toThrow(/non-zero/);
  });
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
    expect(await front.rows('SELECT {s:String} AS s', { query_params: { s: text } })).toEqual([{ s: text }]);
  });

  test('arrays, maps, tuples, null, dates, decimals, big integers', async () => {
    const [row] = await front.rows(
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
    await front.client.command({ query: 'CREATE TABLE IF NOT EXISTS named (v String) ENGINE = MergeTree ORDER BY v' });
    await front.client.command({ query: 'INSERT INTO {t:Identifier} SELECT {v:String}', query_params: { t: 'named', v: "o'k" } });
    expect(await front.rows('SELECT v FROM {t:Identifier}', { query_params: { t: 'named' } })).toEqual([{ v: "o'k" }]);
  });

  test('a parameter of a megabyte, in the URL or as form part', async () => {
    const ids = Array.from({ length: 100_000 }, (_, index) => index);
    const query = {
      query: 'SELECT length({ids:Array(UInt32)}) AS n, arraySum({ids:Array(UInt32)}) AS s',
      format: 'JSONEachRow',
      query_params: { ids },
    } as const;
    expect(await (await front.client.query({ ...query, use_multipart_params: true })).json()).toEqual([{ n: 100_000, s: 4_999_950_000 }]);
    expect(await (await front.client.query(query)).json()).toEqual([{ n: 100_000, s: 4_999_950_000 }]);
  });
});
