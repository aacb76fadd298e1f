/** Resumable uploads with an unmodified client, through everything that ends a connection. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Upload } from 'tus-js-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpStack, startHttpStack } from '../support/http.ts';
import { until } from '../support/pipeline.ts';

const MAX_BYTES = 32 * 1024 * 1024;
const CHUNK = 128 * 1024;

let http: HttpStack;
beforeAll(async () => {
  http = await startHttpStack({ MUSTER_IMPORT_MAX_BYTES: String(MAX_BYTES), MUSTER_SWEEP_SECONDS: '2' });
}, 120_000);
afterAll(async () => {
  await http?.close();
}, 60_000);

/** CSV of about so many bytes. */
function csvOfSize(bytes: number): Buffer {
  const lines = ['Email,custom_string_1'];
  for (let size = 0, i = 0; size < bytes; i += 1) {
    const line = `tus-${i}@uploads.example,${randomBytes(400).toString('base64')}`;
    lines.push(line);
    size += line.length + 2;
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
type Import = { id: string; status: string; size: number; received: number; sha256: string; error?: { code: string } };
type Created = { id: string; tus: string };

async function create(fields: Record<string, unknown> = {}): Promise<Created> {
  const { body } = await http.post('imports.create', { file_name: 'contacts.csv', ...fields });
  return { id: (body.import as Import).id, tus: String(body.tus_url) };
}

const importOf = async (id: string) => (await http.get('imports.get', { id })).body.import as Import;

type Options = ConstructorParameters<typeof Upload>[1];
const headers = () => ({ authorization: `Bearer ${http.stack.devKey}` });

/** An upload that is started by the caller; `done` settles when it ends. */
function uploadOf(file: Buffer, options: Options): { upload: Upload; done: Promise<void> } {
  let upload: Upload | undefined;
  const done = new Promise<void>((resolve, reject) => {
    upload = new Upload(file, {
      ...{ headers: headers(), chunkSize: CHUNK, retryDelays: [0, 200, 500, 1_000, 2_000, 5_000, 5_000, 5_000] },
      ...options,
      onSuccess: () => resolve(),
      onError: reject,
    });
  });
  if (!upload) throw new Error('unreachable');
  return { upload, done };
}

async function expectWhole(id: string, file: Buffer): Promise<void> {
  expect(await importOf(id)).toMatchObject({ status: 'uploaded', size: file.length, received: file.length, sha256: sha256(file) });
  expect(readFileSync(join(http.dir, 'imports', `${id}.csv`)).equals(file)).toBe(true);
}

test('one go, in one request and in many', async () => {
  for (const chunkSize of [Number.POSITIVE_INFINITY, CHUNK]) {
    const file = csvOfSize(1_000_000);
    const { id, tus } = await create({ sha256: sha256(file), size: file.length });
    const { upload, done } = uploadOf(file, { endpoint: tus, chunkSize });
    upload.start();
    await done;
    await expectWhole(id, file);
  }
}, 60_000);

test('the URL is the upload: a client that only goes on, from nothing', async () => {
  const file = csvOfSize(500_000);
  const { id, tus } = await create({ size: file.length });
  const { upload, done } = uploadOf(file, { uploadUrl: tus });
  upload.start();
  await done;
  await expectWhole(id, file);
}, 60_000);

test('aborted in the middle and gone on with', async () => {
  const file = csvOfSize(4_000_000);
  const { id, tus } = await create();
  let abortedAt = 0;
  const { upload, done } = uploadOf(file, {
    endpoint: tus,
    onChunkComplete: (_size, accepted) => {
      if (abortedAt > 0 || accepted < file.length / 3) return;
      abortedAt = accepted;
      void upload.abort().then(() => setTimeout(() => upload.start(), 50));
    },
  });
  upload.start();
  await done;
  expect(abortedAt).toBeGreaterThan(0);
  await expectWhole(id, file);
}, 60_000);

test('the API is killed in the middle', async () => {
  const file = csvOfSize(8_000_000);
  const { id, tus } = await create({ sha256: sha256(file) });
  let killed = 0;
  const { upload, done } = uploadOf(file, {
    endpoint: tus,
    onChunkComplete: (_size, accepted) => {
      if (killed > 0 || accepted < file.length / 2) return;
      killed = Date.now();
      http.stack.service('api').kill('SIGKILL');
    },
  });
  upload.start();
  await done;
  expect(killed).toBeGreaterThan(0);
  await expectWhole(id, file);
}, 90_000);

test('the API is restarted in the middle, and waits for no upload', async () => {
  const file = csvOfSize(8_000_000);
  const { id, tus } = await create();
  let restarted: Promise<number> | undefined;
  const { upload, done } = uploadOf(file, {
    endpoint: tus,
    onChunkComplete: (_size, accepted) => {
      const begun = Date.now();
      if (accepted > file.length / 2)
        restarted ??= http.stack
          .service('api')
          .restart()
          .then(() => Date.now() - begun);
    },
  });
  upload.start();
  await done;
  expect(await restarted).toBeLessThan(20_000);
  await expectWhole(id, file);
}, 90_000);

test('killed after the last byte: asking how far it is ends the upload', async () => {
  const file = csvOfSize(200_000);
  const { id, tus } = await create({ size: file.length });
  // All bytes on disk and no end noted: what a process leaves that dies in between.

  writeFileSync(join(http.dir, 'imports', `${id}.csv`), file);
  const { upload, done } = uploadOf(file, { uploadUrl: tus });
  upload.start();
  await done;
  await expectWhole(id, file);
}, 60_000);

test('two clients at once: the bytes of one file', async () => {
  const files = [csvOfSize(3_000_000), csvOfSize(3_000_000)] as const;
  const { id, tus } = await create();
  const both = files.map((file) => uploadOf(file, { endpoint: tus, retryDelays: [], chunkSize: Number.POSITIVE_INFINITY }));
  for (const { upload } of both) upload.start();
  const ends = await Promise.allSettled(both.map((b) => b.done));
  expect(ends.some((e) => e.status === 'fulfilled')).toBe(true);
  const row = await importOf(id);
  expect(row.status).toBe('uploaded');
  expect(files.map(sha256)).toContain(row.sha256);
}, 60_000);

test('refusals', async () => {
  const file = csvOfSize(100_000);
  const failure = async (tus: string, options: Options = {}, bytes = file) => {
    const { upload, done } = uploadOf(bytes, { endpoint: tus, retryDelays: [], ...options });
    upload.start();
    return done.then(
      () => 'nothing',
      (error: { originalResponse?: { getStatus(): number; getBody(): string } }) => {
        const body = error.originalResponse?.getBody() ?? '';
        const code = body === '' ? '' : ` ${(JSON.parse(body) as { error: { code: string } }).error.code}`;
        return `${error.originalResponse?.getStatus()}${code}`;
      },
    );
  };
  const large = await create();
  expect(await failure(large.tus, {}, Buffer.alloc(MAX_BYTES + 1, 'a'))).toBe('413 file_too_large');
  expect((await importOf(large.id)).status).toBe('uploading');

  const other = await create({ size: file.length + 1 });
  expect(await failure(other.tus)).toBe('422 size_mismatch');

  const wrong = await create({ sha256: sha256(Buffer.from('another')) });
  expect(await failure(wrong.tus)).toBe('422 sha256_mismatch');
  expect(await importOf(wrong.id)).toMatchObject({ status: 'failed', error: { code: 'sha256_mismatch' } });
  expect(await failure(wrong.tus)).toBe('409 import_not_uploading');

  const { tus } = await create();
  const stranger = await http.key(['admin'], 'stranger');
  expect(await failure(tus, { headers: { authorization: `Bearer ${stranger}` } })).toBe('404 import_not_found');
  expect(await failure(tus, { headers: {} })).toBe('401 unauthorized');
  const basic = Buffer.from(`${http.stack.devKey}:`).toString('base64');
  expect(await failure(tus, { headers: { authorization: `Basic ${basic}` } })).toBe('nothing');
}, 60_000);

test('one that nobody finished in time is gone, and so is what was sent of it', async () => {
  const file = csvOfSize(300_000);
  const { id, tus } = await create({ size: file.length });
  await fetch(tus, {
    method: 'PATCH',
    headers: { ...headers(), 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: new Uint8Array(file.subarray(0, 100_000)),
  });
  expect(existsSync(join(http.dir, 'imports', `${id}.csv`))).toBe(true);
  await http.pool.query("UPDATE imports SET updated_at = now() - interval '25 hours' WHERE import_id = $1", [id]);
  await until('the sweep', async () => (await importOf(id)).status === 'failed');
  expect(await importOf(id)).toMatchObject({ error: { code: 'upload_expired' } });
  expect(existsSync(join(http.dir, 'imports', `${id}.csv`))).toBe(false);
  const offset = await fetch(tus, { method: 'HEAD', headers: { ...headers(), 'tus-resumable': '1.0.0' } });
  expect(offset.status).toBe(410);
  const whole = await http.post(`imports.upload?id=${id}`, file, { method: 'PUT' });
  expect([whole.status, whole.body]).toMatchObject([410, { error: { code: 'upload_gone' } }]);
}, 60_000);

test('given up', async () => {
  const file = csvOfSize(1_000_000);
  const { id, tus } = await create();
  const { upload } = uploadOf(file, { endpoint: tus });
  await new Promise<void>((resolve) => {
    upload.options.onChunkComplete = () => resolve();
    upload.start();
  });
  await upload.abort(true);
  expect((await importOf(id)).status).toBe('cancelled');
}, 60_000);
