/**
 * Resumable uploads: tus 1.0 at one URL per import, which takes POST (begin), HEAD (how far), PATCH (go on) and DELETE (give up). The
 * import's row is the upload's record, its file the offset; {@link UploadLeases} keep writers apart.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { cancelImport, declareUploadSize, findImport, type ImportRow, noteReceived, restartUpload } from '@muster/postgres';
import { type Configstore, FileStore } from '@tus/file-store';
import { Server, Upload } from '@tus/server';
import type { ApiDeps } from '../deps.ts';
import { ApiError, type ErrorCode, fail } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';
import { finishUpload } from './finish.ts';
import { fileId, type UploadLeases } from './lease.ts';
import { receive, requireRoom } from './receive.ts';
import { TUS_PATH, type uploadUrls } from './urls.ts';

/** The import of the request that is being served, and the error that it ends with. */
type Scope = { row: ImportRow; url: string; error: ApiError | null };

/** Errors of the tus server, which have a status and a text of its own. */
const CODES: Record<number, ErrorCode> = {
  400: 'malformed_upload',
  403: 'malformed_upload',
  404: 'import_not_found',
  409: 'upload_offset_mismatch',
  410: 'upload_gone',
  412: 'tus_resumable_required',
  413: 'file_too_large',
  501: 'malformed_upload',
};

/** Other origins have no business here: the API answers none of them elsewhere either. */
const CROSS_ORIGIN = ['access-control-allow-origin', 'access-control-expose-headers'];

/** What OPTIONS answers; it needs no key. */
export function tusCapabilities(maxBytes: number): Record<string, string> {
  return {
    'tus-resumable': '1.0.0',
    'tus-version': '1.0.0',
    'tus-extension': 'creation,creation-with-upload,creation-defer-length,termination,expiration',
    'tus-max-size': String(maxBytes),
  };
}

export type TusEndpoint = (request: Request, row: ImportRow, urls: ReturnType<typeof uploadUrls>) => Promise<Response>;

export function createTus(deps: ApiDeps, leases: UploadLeases): TusEndpoint {
  const scopes = new AsyncLocalStorage<Scope>();
  const scope = (): Scope => {
    const current = scopes.getStore();
    if (!current) throw new Error('an upload is served outside of a request');
    return current;
  };
  const server = new Server({
    path: TUS_PATH,
    datastore: new ImportStore(deps, leases, scope),
    locker: leases,
    lockDrainTimeout: 500,
    maxSize: deps.config.MUSTER_IMPORT_MAX_BYTES,
    getFileIdFromRequest: () => fileId(scope().row.import_id),
    namingFunction: () => fileId(scope().row.import_id),
    generateUrl: () => scope().url,
    onResponseError: (_request, error) => {
      const status = 'status_code' in error ? error.status_code : 500;
      const code = CODES[status];
      scope().error = error instanceof ApiError ? error : code === undefined ? null : fail(code);
      // The answer is made from the scope; a body must be there all the same.
      return error instanceof ApiError || code !== undefined ? { status_code: status, body: '' } : undefined;
    },
  });

  return (request, row, urls) =>
    scopes.run({ row, url: urls.tus_url, error: null }, async () => {
      const response = await server.handleWeb(request);
      const { error } = scope();
      if (error) throw error;
      const code = CODES[response.status];
      if (code !== undefined) throw fail(code);
      if (response.status >= 500) throw fail('internal_error', { cause: new Error('the upload could not be served') });
      for (const name of CROSS_ORIGIN) response.headers.delete(name);
      return response;
    });
}

/** tus' file store on the files of imports, with their rows as its records. */
class ImportStore extends FileStore {
  readonly #deps: ApiDeps;
  readonly #leases: UploadLeases;
  readonly #scope: () => Scope;

  constructor(deps: ApiDeps, leases: UploadLeases, scope: () => Scope) {
    const { MUSTER_IMPORT_DIR: directory, MUSTER_UPLOAD_HOURS } = deps.config;
    super({ directory, configstore: records(deps, scope), expirationPeriodInMilliseconds: MUSTER_UPLOAD_HOURS * 3_600_000 });
    this.#deps = deps;
    this.#leases = leases;
    this.#scope = scope;
  }

  // The lease is held in each of these, and the end is part of the last write: before the lease is let go, nobody else begins anew, and
  // what was true when the request came in may not be so any more.

  override async create(upload: Upload): Promise<Upload> {
    await requireRoom(this.directory, upload.size ?? 0);
    const scope = this.#scope();
    // Before the file is emptied: bytes that came in for another size are not lost to a mistake.
    if (upload.size !== undefined) await declare(this.#deps, scope, upload.size);
    const fresh = await fromPostgres(restartUpload(this.#deps.pool, scope.row.import_id));
    if (!fresh) throw fail('import_not_uploading');
    const created = await super.create(upload);
    if (fresh.size === 0) await finishUpload(this.#deps, fresh, null);
    return created;
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const { row } = this.#scope();
    const { pool, config } = this.#deps;
    const lease = this.#leases.held(id);
    if (!lease || row.status !== 'uploading') throw fail('upload_locked');
    const note = (size: number) => fromPostgres(noteReceived(pool, row.import_id, size));
    const path = join(this.directory, id);
    const received = await receive(readable, { path, offset, max: row.size ?? config.MUSTER_IMPORT_MAX_BYTES, lease, note });
    await note(received.size);
    if (received.size === row.size) await finishUpload(this.#deps, row, received.sha256);
    return received.size;
  }

  override async remove(id: string): Promise<void> {
    const { row } = this.#scope();
    const now = await fromPostgres(findImport(this.#deps.pool, row.workspace_id, row.import_id));
    if (now?.status !== 'uploading') throw fail('import_not_uploading');
    await super.remove(id);
  }
}

function records(deps: ApiDeps, scope: () => Scope): Configstore {
  return {
    get: async (id) => {
      const row = await fromPostgres(findImport(deps.pool, scope().row.workspace_id, scope().row.import_id));
      if (!row) return undefined;
      scope().row = row;
      const size = row.size === null ? {} : { size: row.size };
      // It expires so long after the last byte: that is how the sweep counts.
      return new Upload({ id, ...size, offset: row.received, creation_date: row.updated_at.toISOString() });
    },
    set: async (_id, { size }) => {
      if (size !== undefined) await declare(deps, scope(), size);
    },
    delete: async () => {
      await fromPostgres(cancelImport(deps.pool, scope().row.workspace_id, scope().row.import_id));
    },
  };
}

async function declare(deps: ApiDeps, scope: Scope, size: number): Promise<void> {
  const declared = await fromPostgres(declareUploadSize(deps.pool, scope.row.import_id, size));
  if (!declared) throw fail('size_mismatch');
  scope.row = declared;
}
