/** imports.create, and the two ways in which its file comes: one plain PUT, or resumably. */
import { open, truncate } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { uuidv7 } from '@muster/domain';
import { createImport, findBySha, findImport, type ImportRow, noteReceived, restartUpload } from '@muster/postgres';
import { importFile } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { type ApiRequest, type Endpoint, readObject } from '../http/endpoint.ts';
import { ApiError, fail } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';
import { unknownFields } from '../http/fields.ts';
import { requireImport } from '../imports/find.ts';
import { finishUpload, sizeOnDisk } from '../imports/finish.ts';
import { createFields, readFields } from '../imports/input.ts';
import { importJson } from '../imports/json.ts';
import { fileId, type UploadLeases } from '../imports/lease.ts';
import { onDisk, receive, requireRoom } from '../imports/receive.ts';
import { createTus } from '../imports/tus.ts';
import { TUS_PATH, UPLOAD_PATH, uploadUrls } from '../imports/urls.ts';

const TUS_METHODS = ['POST', 'HEAD', 'PATCH', 'DELETE'] as const;

export function importUploadRoutes(deps: ApiDeps): Endpoint[] {
  const { uploads } = deps;
  const tus = createTus(deps, uploads);

  const create: Endpoint['handle'] = async (request) => {
    const { body } = await readObject(deps, request);
    const warnings = unknownFields(body, Object.keys(createFields.shape));
    const { file_name, size = null, sha256 = null, force } = readFields(body, createFields);
    const { workspaceId, keyId } = request.grant;
    if (size !== null && size > deps.config.MUSTER_IMPORT_MAX_BYTES) throw fail('file_too_large');
    const earlier = sha256 === null || force ? null : await fromPostgres(findBySha(deps.pool, workspaceId, sha256));
    if (earlier) return { status: 200, body: { ...answered(deps, request, earlier), warnings } };
    await requireRoom(deps.config.MUSTER_IMPORT_DIR, size ?? 0);
    const input = { importId: uuidv7(), workspaceId, fileName: file_name, size, sha256, createdBy: keyId };
    const row = await fromPostgres(createImport(deps.pool, input));
    return { status: 201, body: { ...answered(deps, request, row), warnings } };
  };

  const put: Endpoint['handle'] = async (request) => {
    const row = await requireImport(deps, request.grant.workspaceId, request.query.one('id'));
    return { status: 200, body: { import: importJson(await putFile(deps, uploads, request, row)) } };
  };

  const resumable: Endpoint['handle'] = async (request) => {
    try {
      const { method } = request.c.req.raw;
      if (method === 'GET') throw fail('method_not_allowed', { headers: { allow: TUS_METHODS.join(', ') } });
      const row = await requireImport(deps, request.grant.workspaceId, request.query.one('id'));
      await prepare(deps, uploads, row, method);
      const response = await tus(request.c.req.raw, row, uploadUrls(deps, request, row));
      return { status: response.status, response };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500) throw error;
      return { status: error.status, body: error.body, headers: { ...error.headers, 'tus-resumable': '1.0.0' } };
    }
  };

  return [
    { method: 'POST', path: '/api/imports.create', scopes: ['write'], handle: create },
    { method: 'PUT', path: UPLOAD_PATH, scopes: ['write'], handle: put },
    ...TUS_METHODS.map((method): Endpoint => ({ method, path: TUS_PATH, scopes: ['write'], handle: resumable })),
  ];
}

/** With the URLs while the file can be sent. */
function answered(deps: ApiDeps, request: ApiRequest, row: ImportRow): Record<string, unknown> {
  return { import: importJson(row), ...(row.status === 'uploading' ? uploadUrls(deps, request, row) : {}) };
}

function requireUploading(deps: ApiDeps, row: ImportRow): void {
  if (deps.stopping.aborted) throw fail('shutting_down');
  if (row.status === 'uploading') return;
  throw fail(row.error?.code === 'upload_expired' ? 'upload_gone' : 'import_not_uploading');
}

/** Receives the whole file at once. What a broken connection left can be gone on with resumably. */
async function putFile(deps: ApiDeps, uploads: UploadLeases, { c }: ApiRequest, row: ImportRow): Promise<ImportRow> {
  requireUploading(deps, row);
  const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') throw fail('unsupported_encoding', { message: 'Send the bytes of the file as they are.' });
  const max = deps.config.MUSTER_IMPORT_MAX_BYTES;
  const length = c.req.header('content-length') === undefined ? null : Number(c.req.header('content-length'));
  if (length !== null && length > max) throw fail('file_too_large');
  if (length !== null && row.size !== null && length !== row.size) throw fail('size_mismatch');
  const dir = deps.config.MUSTER_IMPORT_DIR;
  await requireRoom(dir, length ?? row.size ?? 0);

  const source: Readable = c.env?.incoming ?? bodyOf(c.req.raw);
  const id = fileId(row.import_id);
  const lease = await uploads.acquire(id, () => void source.destroy()).catch(inProgress);
  const path = importFile(dir, row.import_id);
  try {
    const fresh = await fromPostgres(restartUpload(deps.pool, row.import_id));
    if (!fresh) throw fail('import_not_uploading');
    // An iterator that destroyed the request would take the connection, and our answer, with it.
    const received = await receive(source.iterator({ destroyOnReturn: false }), {
      ...{ path, offset: 0, max: Math.min(max, row.size ?? max), lease },
      note: (size) => fromPostgres(noteReceived(deps.pool, row.import_id, size)),
    });
    if (row.size !== null && received.size !== row.size) throw fail('size_mismatch');
    return await finishUpload(deps, fresh, received.sha256);
  } catch (error) {
    if (!(error instanceof ApiError) && source.destroyed) throw fail('upload_interrupted', { cause: error });
    // A file that cannot become whole must not keep the room that it takes. If it cannot be cut, it goes when the upload expires; the
    // caller is told what was wrong with the upload.
    if (error instanceof ApiError && (error.status === 413 || error.status === 507)) await truncate(path).catch(() => undefined);
    throw error;
  } finally {
    await uploads.release(id);
  }
}

function bodyOf(request: Request): Readable {
  return request.body ? Readable.fromWeb(request.body) : Readable.from([]);
}

function inProgress(error: unknown): never {
  throw error instanceof ApiError && error.status === 423 ? fail('upload_in_progress') : error;
}

/** Whether the upload can be served, and its file there. */
async function prepare(deps: ApiDeps, uploads: UploadLeases, row: ImportRow, method: string): Promise<void> {
  if (method !== 'HEAD' || row.ended_at !== null) requireUploading(deps, row);
  if (row.status !== 'uploading' || method === 'POST') return;
  await onDisk(touch(importFile(deps.config.MUSTER_IMPORT_DIR, row.import_id)));
  // All bytes are there, and the end was not noted: the process died in between, or the answer did not arrive.
  if (row.size === null || (await sizeOnDisk(deps, row.import_id)) !== row.size) return;
  const id = fileId(row.import_id);
  await uploads.acquire(id, () => undefined);
  try {
    const now = await fromPostgres(findImport(deps.pool, row.workspace_id, row.import_id));
    if (now?.status === 'uploading') await finishUpload(deps, now, null);
  } finally {
    await uploads.release(id);
  }
}

async function touch(path: string): Promise<void> {
  await (await open(path, 'a', 0o600)).close();
}
