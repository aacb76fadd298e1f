import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createLogger, producerConnection } from '@muster/runtime';
import { expect, it } from 'vitest';
import type { HttpStack } from '../../../../tests/support/http.ts';
import { UploadLeases } from '../imports/lease.ts';
import { created, csvOf, importOf, send, uploaded } from './imports-helpers.ts';
import { detailsOf, errorOf, verdictOf } from './read.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export function importUploadSuite(stack: () => HttpStack): void {
  const get = (id: string) => stack().get('imports.get', { id });
  const fileOf = (id: string) => join(stack().dir, 'imports', `${id}.csv`);

  it('takes a file with one PUT', async () => {
    const text = csvOf(50);
    const { id, put } = await created(stack());
    expect(put).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\//);
    const reply = await send(stack(), 'PUT', put, text, { 'content-type': 'text/csv' });
    expect(verdictOf(reply)).toBe('200');
    expect(importOf(reply)).toMatchObject({ id, status: 'uploaded', size: text.length, received: text.length, sha256: sha256(text) });
    expect(readFileSync(fileOf(id), 'utf8')).toBe(text);
    expect(verdictOf(await send(stack(), 'PUT', put, text))).toBe('409 import_not_uploading');
  });

  it('answers with the URL that a proxy was asked for', async () => {
    const reply = await stack().post(
      'imports.create',
      { file_name: 'a.csv' },
      { headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'muster.example' } },
    );
    expect(String(reply.body.tus_url)).toMatch(/^https:\/\/muster\.example\/api\//);
  });

  it('checks what is declared', async () => {
    const { post } = stack();
    for (const [fields, field] of [
      [{}, 'file_name'],
      [{ file_name: '' }, 'file_name'],
      [{ file_name: 'a.csv', size: -1 }, 'size'],
      [{ file_name: 'a.csv', size: 1.5 }, 'size'],
      [{ file_name: 'a.csv', sha256: 'abc' }, 'sha256'],
    ] as const) {
      const reply = await post('imports.create', fields);
      expect(verdictOf(reply)).toBe('422 validation_failed');
      expect(detailsOf(reply)[0]?.field).toBe(field);
    }
    expect(verdictOf(await post('imports.create', { file_name: 'a.csv', size: 6 * 2 ** 30 }))).toBe('413 file_too_large');
  });

  it('removes a file with another sha256, and keeps no other size', async () => {
    const text = csvOf(3);
    const { id, put } = await created(stack(), { sha256: sha256(`${text}x`) });
    expect(verdictOf(await send(stack(), 'PUT', put, text))).toBe('422 sha256_mismatch');
    expect(importOf(await get(id))).toMatchObject({ status: 'failed', error: { code: 'sha256_mismatch' } });
    expect(existsSync(fileOf(id))).toBe(false);

    const sized = await created(stack(), { size: text.length });
    for (const other of [text.slice(1), `${text}x`])
      expect(verdictOf(await send(stack(), 'PUT', sized.put, other))).toBe('422 size_mismatch');
    const chunked = (piece: string) => new Blob([piece]).stream();
    expect(verdictOf(await send(stack(), 'PUT', sized.put, chunked(text.slice(1))))).toBe('422 size_mismatch');
    expect(verdictOf(await send(stack(), 'PUT', sized.put, chunked(`${text}x`)))).toBe('413 file_too_large');
    expect(importOf(await get(sized.id)).status).toBe('uploading');
    expect(verdictOf(await send(stack(), 'PUT', sized.put, text))).toBe('200');
  });

  it('stays uploading when the connection breaks off, and goes on resumably', async () => {
    const text = csvOf(2_000);
    const { id, put, tus } = await created(stack(), { size: text.length });
    await cutShort(put, stack().stack.devKey, text, 40_000);
    expect(importOf(await get(id)).status).toBe('uploading');
    const head = await untilUnlocked(() => send(stack(), 'HEAD', tus, undefined, TUS));
    const offset = Number(head.headers.get('upload-offset'));
    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(text.length);
    const rest = await send(stack(), 'PATCH', tus, text.slice(offset), {
      ...TUS,
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    });
    expect(rest.status).toBe(204);
    expect(importOf(await get(id))).toMatchObject({ status: 'uploaded', sha256: sha256(text) });
  });

  it('lets one of two uploads win', async () => {
    const text = csvOf(20_000);
    const { id, put } = await created(stack());
    const replies = await Promise.all([send(stack(), 'PUT', put, text), send(stack(), 'PUT', put, text.toUpperCase())]);
    expect(replies.map(verdictOf).filter((v) => v === '200')).toHaveLength(1);
    expect(replies.map((r) => r.status).filter((s) => s === 409)).toHaveLength(1);
    expect([sha256(text), sha256(text.toUpperCase())]).toContain(importOf(await get(id)).sha256);
  });

  it('ends an upload whose import is deleted', async () => {
    const { id, put } = await created(stack());
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        controller.enqueue(Buffer.from('Email\r\n'));
      },
    });
    const sending = send(stack(), 'PUT', put, endless).then(
      (reply) => reply.status,
      () => 'cut',
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await stack().post('imports.delete', { id })).status).toBe(200);
    expect(await sending).not.toBe(200);
    expect(existsSync(fileOf(id))).toBe(false);
  });

  it('keeps the uploads of several processes apart', async () => {
    const redis = producerConnection(stack().stack.stores.redisUrl, createLogger('test', 'silent'));
    await new Promise((resolve) => redis.once('ready', resolve));
    const [one, other] = [new UploadLeases(redis), new UploadLeases(redis)];
    const held = await one.acquire('a.csv', () => undefined);
    await expect(one.acquire('a.csv', () => undefined)).rejects.toMatchObject({ code: 'upload_locked' });
    let taken = false;
    const waiting = other
      .acquire('a.csv', () => undefined)
      .then(() => {
        taken = true;
      });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(taken).toBe(false);
    held.beforeWrite();
    await one.release('a.csv');
    await waiting;
    expect(() => held.beforeWrite()).toThrow();
    // Another one's by now, as after a stop of ten seconds: found out by the next renewal.
    await redis.set('muster:upload:a.csv', 'somebody else', 'PX', 10_000);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(() => other.held('a.csv')?.beforeWrite()).toThrow();
    await other.release('a.csv');
    expect(await redis.get('muster:upload:a.csv')).toBe('somebody else');
    redis.disconnect();
  }, 20_000);

  it('refuses what is no text', async () => {
    const { id, put } = await created(stack());
    const reply = await send(stack(), 'PUT', put, Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 1, 2, 255, 254, 0, 0, 7]));
    expect(verdictOf(reply)).toBe('422 unreadable_file');
    expect(detailsOf(reply)[0]?.code).toBe('binary_file');
    expect(importOf(await get(id))).toMatchObject({ status: 'failed', error: { code: 'binary_file' } });
    const gzip = await created(stack());
    expect(verdictOf(await send(stack(), 'PUT', gzip.put, 'x', { 'content-encoding': 'gzip' }))).toBe('415 unsupported_encoding');
  });

  it('takes an empty file', async () => {
    const id = await uploaded(stack(), '');
    const preview = await stack().get('imports.preview', { id });
    expect(preview.body).toMatchObject({ header: false, columns: [], rows: [] });
    expect((await stack().post('imports.start', { id })).status).toBe(202);
  });

  it('answers with the import that has the file', async () => {
    const text = csvOf(4);
    const { id, tus } = await created(stack(), { sha256: sha256(text), size: text.length });
    const again = await stack().post('imports.create', { file_name: 'other.csv', sha256: sha256(text).toUpperCase() });
    expect(verdictOf(again)).toBe('200');
    expect(again.body).toMatchObject({ import: { id }, tus_url: tus });
    const forced = await stack().post('imports.create', { file_name: 'other.csv', sha256: sha256(text), force: true });
    expect(verdictOf(forced)).toBe('201');
    const stranger = { key: await stack().key(['write'], 'stranger') };
    expect(verdictOf(await stack().post('imports.create', { file_name: 'a.csv', sha256: sha256(text) }, stranger))).toBe('201');
  });

  it('shows nothing to other workspaces, and keeps to scopes', async () => {
    const { id, put, tus } = await created(stack());
    const stranger = await stack().key(['admin'], 'stranger');
    const reader = await stack().key(['read']);
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    for (const [key, verdict] of [
      [stranger, '404 import_not_found'],
      [reader, '403 forbidden_scope'],
      ['wrong', '401 unauthorized'],
    ] as const) {
      expect(verdictOf(await send(stack(), 'PUT', put, 'Email\r\n', bearer(key)))).toBe(verdict);
      expect((await send(stack(), 'HEAD', tus, undefined, { ...TUS, ...bearer(key) })).status).toBe(Number(verdict.slice(0, 3)));
      const patch = { ...TUS, ...bearer(key), 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
      expect(verdictOf(await send(stack(), 'PATCH', tus, 'Email\r\n', patch))).toBe(verdict);
      for (const call of ['start', 'pause', 'resume', 'cancel', 'delete'])
        expect(verdictOf(await stack().post(`imports.${call}`, { id }, { key }))).toBe(verdict);
      if (key === reader) continue;
      for (const call of ['get', 'preview', 'rejects', 'events'])
        expect(verdictOf(await stack().get(`imports.${call}`, { id }, { key }))).toBe(verdict);
    }
    expect((await stack().get('imports.list', {}, { key: stranger })).body.imports).not.toContainEqual(expect.objectContaining({ id }));
    expect(verdictOf(await stack().get('imports.get', { id }, { key: reader }))).toBe('200');
    for (const bad of ['x', '00000000-0000-7000-8000-000000000000', "'; --"])
      expect(verdictOf(await stack().get('imports.get', { id: bad }))).toBe('404 import_not_found');
    expect(errorOf(await stack().get('imports.get')).code).toBe('validation_failed');
  });
}

export const TUS = { 'tus-resumable': '1.0.0' };

/** The end of a broken connection is seen a moment later. */
async function untilUnlocked<T extends { status: number }>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const reply = await call();
    if (reply.status !== 423 || tries > 20) return reply;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A PUT whose connection is closed after some bytes of the body. */
async function cutShort(url: string, key: string, text: string, bytes: number): Promise<void> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${text.length}\r\n\r\n`;
  socket.write(head + text.slice(0, bytes));
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.destroy();
}
