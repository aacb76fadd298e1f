import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { ApiCallError, MusterClient } from './client.ts';
import { retryAfterMs, UnreachableError } from './http.ts';
import { allOf, events, lastMinutes, noneOf, onList } from './trees.ts';

type Seen = { headers: IncomingHttpHeaders; body: Buffer; url: string };
type Reply = (response: ServerResponse, request: IncomingMessage) => void;
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A server that gives these answers in turn, the last one again and again. */
async function serve(...replies: Reply[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    seen.push({ headers: request.headers, body: Buffer.concat(chunks), url: request.url ?? '' });
    replies[Math.min(seen.length, replies.length) - 1]?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, seen };
}

function connect(baseUrl: string, options: { gzip?: boolean; giveUpAfterMs?: number } = {}): MusterClient {
  const client = new MusterClient({ baseUrl, key: 'k-1', ...options });
  cleanUps.push(() => client.close());
  return client;
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const taken = json(202, { accepted: 2, rejected: [], job_ids: ['t-1'], warnings: [] });
const later = (status: number, headers: Record<string, string> = { 'retry-after': '0' }): Reply =>
  json(status, { error: { code: 'over_capacity', message: 'later' } }, headers);
const hangUp: Reply = (_, request) => request.socket.destroy();

test('repeats what was not acknowledged, under the same Idempotency-Key', async () => {
  const { url, seen } = await serve(hangUp, later(503), later(429), taken);
  const client = connect(url);
  expect((await client.ingest([{}, {}])).accepted).toBe(2);
  expect(seen.length).toBe(4);
  expect(new Set(seen.map((s) => s.headers['idempotency-key'])).size).toBe(1);
  expect(new Set(seen.map((s) => s.body.toString())).size).toBe(1);
  expect(client.stats).toMatchObject({ requests: 1, attempts: 4, repeated: 3, itemsSentAgain: 2, later: { 429: 1, 503: 1 }, lost: 1 });
  await client.ingest([{}, {}]);
  expect(seen[4]?.headers['idempotency-key']).not.toBe(seen[0]?.headers['idempotency-key']);
});

test('a segment is made, or changed when it is there; its members are read page by page', async () => {
  const segment = { id: 's', name: 'S', status: 'building', users_count: 0 };
  const missing = json(404, { error: { code: 'segment_not_found', message: 'none' } });
  const { url, seen } = await serve(
    missing,
    json(201, { segment, warnings: [] }),
    json(200, { segment }),
    json(200, { segment, warnings: [] }),
    json(200, { contacts: [{ contact_id: 1, email: 'a@x.io' }], next_cursor: 'c' }),
    json(200, { contacts: [{ contact_id: 2, email: 'b@x.io' }] }),
    json(200, { total_count: 2, contacts: [], took_ms: 1, warnings: [] }),
  );
  const client = connect(url);
  const tree = allOf(events('open_email', 'at_least', 3, lastMinutes(1)), noneOf(onList('in', 'news')));
  await client.putSegment({ id: 's', name: 'S', tree });
  await client.putSegment({ id: 's', name: 'S', tree });
  const ids: number[] = [];
  for await (const { contact_id } of client.segmentMembers('s')) ids.push(contact_id);
  expect(ids).toEqual([1, 2]);
  expect(await client.previewSegment(tree)).toBe(2);
  expect(seen.map((s) => s.url.replace(/\?.*/, ''))).toEqual(
    ['get', 'create', 'get', 'update', 'contacts', 'contacts', 'preview'].map((call) => `/api/segments.${call}`),
  );
  expect(seen[5]?.url).toContain('cursor=c');
  // 60,000 milliseconds once it is read: fewer digits would be another window.
  expect(JSON.parse(seen[1]?.body.toString() ?? '').tree.branch.leaves[0].leaf.contact_timeline.timeframe_values).toEqual(['0.000694444']);
});

test('waits as long as Retry-After says', async () => {
  const { url } = await serve(later(503, { 'retry-after': '1' }), taken);
  const started = performance.now();
  await connect(url).ingest([{}, {}]);
  expect(performance.now() - started).toBeGreaterThan(950);
});

test('gives up after a while, saying why', async () => {
  const { url } = await serve(later(503));
  await expect(connect(url, { giveUpAfterMs: 200 }).ingest([{}])).rejects.toThrow(UnreachableError);
  const away = connect('http://127.0.0.1:9', { giveUpAfterMs: 100 });
  await expect(away.ingest([{}])).rejects.toThrow(/did not take a request: it cannot be reached/);
});

test('throws what the API refuses, with its code', async () => {
  const refusal = { error: { code: 'validation_failed', message: 'no', details: [{ field: 'a', code: 'required', message: 'x' }] } };
  const { url, seen } = await serve(json(422, refusal));
  const error = await connect(url)
    .ingest([])
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiCallError);
  expect(error).toMatchObject({ status: 422, code: 'validation_failed' });
  expect(seen.length).toBe(1);
});

test('an answer of another shape is an error, not a guess', async () => {
  const { url } = await serve(json(202, { accepted: 'two' }));
  await expect(connect(url).ingest([{}])).rejects.toThrow(/another shape: accepted/);
});

test('compresses large bodies when asked to', async () => {
  const { url, seen } = await serve(taken);
  const client = connect(url, { gzip: true });
  await client.ingest([{ note: 'x'.repeat(5_000) }]);
  expect(seen[0]?.headers['content-encoding']).toBe('gzip');
  expect(JSON.parse(gunzipSync(seen[0]?.body ?? Buffer.alloc(0)).toString())).toEqual({ events: [{ note: 'x'.repeat(5_000) }] });
  await client.ingest([{}]);
  expect(seen[1]?.headers['content-encoding']).toBeUndefined();
});

test('sends what the call needs: key, Prefer, NDJSON', async () => {
  const { url, seen } = await serve(json(200, { job_id: null, warnings: [], action: 'created' }), taken);
  const client = connect(url);
  await client.upsertContact({ contact: { email: 'a@x.org' } }, { wait: 30, idempotencyKey: 'mine' });
  expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer k-1', prefer: 'wait=30', 'idempotency-key': 'mine' });
  await client.ingestLines(['{"a":1}', '{"b":2}']);
  expect(seen[1]?.headers['content-type']).toBe('application/x-ndjson');
  expect(seen[1]?.body.toString()).toBe('{"a":1}\n{"b":2}');
});

test('sends a body as it was built, and no Idempotency-Key when told so', async () => {
  const { url, seen } = await serve(later(503, { 'retry-after': '1' }), taken);
  const client = connect(url);
  expect((await client.sendBatch('/api/timeline.ingest', '{"events":[{},{}]}', 2, { idempotencyKey: null })).accepted).toBe(2);
  expect(seen[1]?.body.toString()).toBe('{"events":[{},{}]}');
  expect(seen[1]?.headers['idempotency-key']).toBeUndefined();
  expect(client.stats).toMatchObject({ itemsSentAgain: 2, pausedMs: 1_000 });
});

test('reads every page, and none of what is not there', async () => {
  const event = (id: string) => ({ event_name: 'commit', external_id: id, occurred_at: '2025-01-01T00:00:00.000Z' });
  const { url, seen } = await serve(
    json(200, { events: [event('1'), event('2')], next_cursor: 'abc' }),
    json(200, { events: [event('3')] }),
    json(404, { error: { code: 'contact_not_found', message: 'no' } }),
  );
  const client = connect(url);
  const read = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { external_id } of client.customEvents('zoë@x.org', 'commit')) ids.push(external_id);
    return ids;
  };
  expect(await read()).toEqual(['1', '2', '3']);
  expect(seen[1]?.url).toBe('/api/customEvents.list?email=zo%C3%AB%40x.org&limit=100&event_name=commit&cursor=abc');
  expect(await read()).toEqual([]);
});

test('Retry-After is seconds or a date', () => {
  expect(retryAfterMs('2', 0)).toBe(2_000);
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 2_000)).toBe(3_000);
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 9_000)).toBe(0);
  expect(retryAfterMs('soon', 0)).toBeNull();
  expect(retryAfterMs(undefined, 0)).toBeNull();
});
