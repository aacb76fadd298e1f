import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { errorOf, rejectedOf, verdictOf } from './read.ts';

const contact = (email: string) => JSON.stringify({ contact: { email } });

export function bodySuite(stack: () => HttpStack): void {
  const upsert = (body: unknown, headers: Record<string, string> = {}) => stack().post('contacts.upsert', body, { headers });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (text: string) => Buffer.from(text)],
  ] as const)('inflates %s', async (encoding, compress) => {
    const reply = await upsert(compress(contact('packed@example.com')), { 'content-encoding': encoding });
    expect(verdictOf(reply)).toBe('202');
  });

  it('refuses what it cannot inflate', async () => {
    expect(verdictOf(await upsert(contact('a@example.com'), { 'content-encoding': 'zstd' }))).toBe('415 unsupported_encoding');
    expect(verdictOf(await upsert(contact('a@example.com'), { 'content-encoding': 'gzip' }))).toBe('400 malformed_encoding');
    const cut = gzipSync(contact('a@example.com')).subarray(0, 20);
    expect(verdictOf(await upsert(cut, { 'content-encoding': 'gzip' }))).toBe('400 malformed_encoding');
  });

  it('counts inflated bytes: a bomb is 413', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1_048_576, 0x20));
    expect(bomb.length).toBeLessThan(1_048_576);
    expect(verdictOf(await upsert(bomb, { 'content-encoding': 'gzip' }))).toBe('413 payload_too_large');
    expect(verdictOf(await upsert(brotliCompressSync(Buffer.alloc(20 * 1_048_576)), { 'content-encoding': 'br' }))).toBe(
      '413 payload_too_large',
    );
  });

  it('refuses 11 MiB, announced or not', async () => {
    const big = Buffer.alloc(11 * 1_048_576, 0x20);
    expect(verdictOf(await upsert(big))).toBe('413 payload_too_large');
    const chunked = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i += 1) controller.enqueue(big.subarray(0, 1_048_576));
        controller.close();
      },
    });
    const response = await fetch(`${stack().stack.apiUrl}/api/contacts.upsert`, {
      method: 'POST',
      body: chunked,
      duplex: 'half',
      headers: { authorization: `Bearer ${stack().stack.devKey}`, 'content-type': 'application/json' },
    } as RequestInit);
    expect(response.status).toBe(413);
  });

  it('takes a body just below the limit', async () => {
    const padded = contact('padded@example.com').padEnd(10 * 1_048_576, ' ');
    expect(verdictOf(await upsert(padded))).toBe('202');
  });

  it.each(['{', '', '{"contact":{"email":"a@example.com"}}}', 'null x', "{'contact':1}"])('answers 400 to %j', async (text) => {
    expect(verdictOf(await upsert(text))).toBe('400 malformed_json');
  });

  it.each(['[]', 'null', '"text"', '5'])('answers 422 to %s', async (text) => {
    expect(verdictOf(await upsert(text))).toBe('422 validation_failed');
  });

  it('refuses what is not UTF-8', async () => {
    const latin = Buffer.from('{"contact":{"email":"a@example.com","first_name":"Zo\xeb"}}', 'latin1');
    expect(verdictOf(await upsert(latin))).toBe('400 invalid_utf8');
    expect(verdictOf(await upsert(contact('a@example.com'), { 'content-type': 'application/json; charset=iso-8859-1' }))).toBe(
      '415 unsupported_charset',
    );
    expect(verdictOf(await upsert(`\ufeff${contact('bom@example.com')}`, { 'content-type': 'application/json; charset="UTF-8"' }))).toBe(
      '202',
    );
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/x-ndjson', 'multipart/form-data; boundary=x'])(
    'refuses %s',
    async (type) => {
      expect(verdictOf(await upsert(contact('a@example.com'), { 'content-type': type }))).toBe('415 unsupported_media_type');
    },
  );

  it('takes NDJSON; a broken line costs that line, empty lines are not counted', async () => {
    const lines = [
      '{"email":"n@example.com","kind":"open_email"}',
      '',
      '{"email":',
      '  ',
      '{"email":"n@example.com","kind":"click_email"}\r',
    ];
    const reply = await stack().post('timeline.ingest', lines.join('\n'), { headers: { 'content-type': 'application/x-ndjson' } });
    expect(verdictOf(reply)).toBe('202');
    expect(reply.body.accepted).toBe(2);
    expect(rejectedOf(reply).map((r) => [r.index, r.code])).toEqual([[1, 'malformed_json']]);
  });

  it('tells the size of a batch', async () => {
    const event = { email: 'n@example.com', kind: 'open_email' };
    for (const [call, body] of [
      ['contacts.import', { contacts: [] }],
      ['timeline.ingest', { events: [] }],
      ['timeline.ingest', { events: Array.from({ length: 5_001 }, () => event) }],
      ['customEvents.import', { events: [] }],
      ['contacts.import', { contacts: Array.from({ length: 5_001 }, () => ({ email: 'n@example.com' })) }],
    ] as const)
      expect(verdictOf(await stack().post(call, body))).toBe('422 invalid_batch_size');
    const ndjson = Array.from({ length: 5_001 }, () => JSON.stringify(event)).join('\n');
    expect(verdictOf(await stack().post('timeline.ingest', ndjson, { headers: { 'content-type': 'application/x-ndjson' } }))).toBe(
      '422 invalid_batch_size',
    );
    expect(verdictOf(await stack().post('timeline.ingest', '\n\n', { headers: { 'content-type': 'application/x-ndjson' } }))).toBe(
      '422 invalid_batch_size',
    );
    expect(errorOf(await stack().post('timeline.ingest', { events: 'x' })).details?.[0]?.field).toBe('events');
  });
}
