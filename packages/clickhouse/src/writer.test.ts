import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@muster/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ClickHouse, createClickHouse } from './client.ts';
import { splitStatements } from './migrate.ts';
import { acceptanceOf, clickhouseMicros, clickhouseTime, type TableRows, timelineRow } from './rows.ts';
import { TARGETS } from './tables.ts';
import { GroupCommitWriter } from './writer.ts';

/** Where a timeline row has its id. */
const ID = TARGETS.timeline.columns.indexOf('id');

type Insert = { table: string; ids: string[] };
type Answer = 'ok' | 'die' | { status: number; text: string };

/** Stands in for ClickHouse's HTTP interface: notes every insert that it accepts, and fails as told. */
let server: Server;
let clickhouse: ClickHouse;
let inserts: Insert[] = [];
let attempts = 0;
let answer: (insert: Insert) => Answer | Promise<Answer> = () => 'ok';

const bodyOf = async (request: AsyncIterable<Buffer>): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
};

beforeEach(async () => {
  inserts = [];
  attempts = 0;
  answer = () => 'ok';
  server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      const table = /INSERT INTO (\w+)/.exec(new URL(request.url ?? '', 'http://x').searchParams.get('query') ?? '')?.[1];
      if (table === undefined) return response.end('{"parts":1}\n');
      attempts += 1;
      const rows = body.split('\n').filter(Boolean);
      const insert = { table, ids: rows.map((r) => (JSON.parse(r) as string[])[ID] ?? '') };
      const told = await answer(insert);
      if (told === 'die') return request.socket.destroy();
      if (told !== 'ok') return response.writeHead(told.status).end(told.text);
      inserts.push(insert);
      return response.end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  clickhouse = createClickHouse(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  await clickhouse.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const writerWith = (options: { intervalMs?: number; maxRows?: number; onError?: (code: string) => void } = {}) =>
  new GroupCommitWriter({ clickhouse, log: createLogger('test', 'silent'), ...options });
const row = (id: string) =>
  timelineRow({
    ...{ workspaceId: 1, contactId: 1, kind: 'open_email', occurredAt: '2024-01-01T00:00:00.000Z', id },
    ...{ accepted: acceptanceOf(1), ord: 1, entityType: 'message', entityId: id },
  });
const events = (...ids: string[]): TableRows => ({ timeline: ids.map(row) });
const stored = (table: string) => inserts.filter((i) => i.table === table).flatMap((i) => i.ids);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('group commit', () => {
  test('many callers, one insert per table, both orders; empty work needs none', async () => {
    const writer = writerWith();
    await Promise.all(Array.from({ length: 500 }, (_, n) => writer.write(events(`e${n}`))));
    expect(inserts.map((i) => [i.table, i.ids.length])).toEqual(
      expect.arrayContaining([
        ['timeline_by_contact', 500],
        ['timeline_by_kind', 500],
      ]),
    );
    expect(inserts).toHaveLength(2);
    expect(await writer.write({})).toEqual(new Set());
    expect(attempts).toBe(2);
  });

  test('a lone caller is not kept waiting; what comes during a flush waits for the interval and shares the next', async () => {
    const writer = writerWith({ intervalMs: 200 });
    const started = Date.now();
    await writer.write(events('a'));
    expect(Date.now() - started).toBeLessThan(150);
    await Promise.all([writer.write(events('b')), pause(20).then(() => writer.write(events('c')))]);
    expect(Date.now() - started).toBeGreaterThanOrEqual(195);
    expect(inserts.filter((i) => i.table === 'timeline_by_kind').map((i) => i.ids)).toEqual([['a'], ['b', 'c']]);
  });

  test('a full queue does not wait for the interval', async () => {
    const writer = writerWith({ intervalMs: 60_000, maxRows: 10 });
    await writer.write(events('first'));
    const ids = Array.from({ length: 10 }, (_, n) => `f${n}`);
    await Promise.all(ids.map((id) => writer.write(events(id))));
    expect(stored('timeline_by_contact')).toHaveLength(11);
  });

  test('"never acknowledges early": no caller hears anything before the last of its tables is written', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    answer = async (insert): Promise<Answer> => {
      if (insert.table === 'timeline_by_kind') await held;
      return 'ok';
    };
    let acknowledged = false;
    const written = writerWith()
      .write(events('a'))
      .then(() => {
        acknowledged = true;
      });
    await pause(150);
    expect([stored('timeline_by_contact'), acknowledged]).toEqual([['a'], false]);
    release();
    await written;
    expect(stored('timeline_by_kind')).toEqual(['a']);
  });
});

describe('failures', () => {
  const poison = { status: 400, text: 'Code: 27. DB::Exception: Cannot parse input. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)' };

  test('a row refused for its content costs itself alone, and only its own caller hears of it', async () => {
    answer = (insert) => (insert.ids.some((id) => id.startsWith('bad')) ? poison : 'ok');
    const writer = writerWith();
    const mine = events('g1', 'bad1', 'g2', 'g3');
    const [first, second, third] = await Promise.all([writer.write(mine), writer.write(events('h1', 'h2')), writer.write(events('bad2'))]);
    expect([...(first ?? [])]).toEqual([mine.timeline?.[1]]);
    expect(second).toEqual(new Set());
    expect([...(third ?? [])]).toMatchObject([{ id: 'bad2' }]);
    for (const table of ['timeline_by_contact', 'timeline_by_kind']) expect(stored(table)).toEqual(['g1', 'g2', 'g3', 'h1', 'h2']);
  });

  test.each([
    ['a lost connection', 'die' as const, 'connection'],
    ['too many parts', { status: 500, text: 'Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)' }, '252'],
    ['no memory', { status: 500, text: 'Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)' }, '241'],
    ['an unknown table', { status: 404, text: 'Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)' }, '60'],
  ])('%s rejects no row: the batch is repeated whole until it is in', async (_, failure, code) => {
    let left = 3;
    const codes: string[] = [];
    answer = (insert) => {
      expect(insert.ids).toEqual(['a', 'b', 'c']);
      left -= 1;
      return left >= 0 ? failure : 'ok';
    };
    expect(await writerWith({ onError: (c) => codes.push(c) }).write(events('a', 'b', 'c'))).toEqual(new Set());
    expect(codes).toEqual([code, code, code]);
    expect([stored('timeline_by_contact'), stored('timeline_by_kind')]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
  });

  test('close flushes what is queued and waits for what is under way', async () => {
    const writer = writerWith({ intervalMs: 60_000 });
    await writer.write(events('a'));
    const late = writer.write(events('b'));
    await writer.close();
    expect(stored('timeline_by_kind')).toEqual(['a', 'b']);
    expect(await late).toEqual(new Set());
    expect(writer.queuedRows).toBe(0);
  });
});

describe('forms', () => {
  test('times before 1970, and microseconds on both sides of it', () => {
    expect(clickhouseTime('1905-06-07T08:09:10.123Z')).toBe('1905-06-07 08:09:10.123');
    expect(clickhouseMicros(1_700_000_000_123_456)).toBe('2023-11-14 22:13:20.123456');
    expect(clickhouseMicros(1_000_007)).toBe('1970-01-01 00:00:01.000007');
    expect(clickhouseMicros(-1)).toBe('1969-12-31 23:59:59.999999');
    expect(clickhouseMicros(-1_000_001)).toBe('1969-12-31 23:59:58.999999');
  });

  test('statements end at a semicolon at the end of a line, never within one; comments alone are none', () => {
    expect(splitStatements("-- first\nSELECT ';x';\r\n\nSELECT 2;  \n-- last;\n")).toEqual(["-- first\nSELECT ';x'", 'SELECT 2']);
    expect(splitStatements('SELECT 1')).toEqual(['SELECT 1']);
    expect(splitStatements(' \n-- nothing\n')).toEqual([]);
  });
});
