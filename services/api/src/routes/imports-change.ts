/** imports.start, .pause, .resume, .cancel and .delete. */
import { cancelImport, type ImportRow, pauseImport, removeImport, resumeImport, startImport } from '@muster/postgres';
import { errorFields, redisMicros } from '@muster/runtime';
import type { ApiDeps } from '../deps.ts';
import { type ApiRequest, type Endpoint, readObject } from '../http/endpoint.ts';
import { fail } from '../http/errors.ts';
import { fromPostgres, fromRedis } from '../http/failures.ts';
import { listIdsField, unknownFields } from '../http/fields.ts';
import { requireImport } from '../imports/find.ts';
import { removeFile } from '../imports/finish.ts';
import { readHead } from '../imports/head.ts';
import { planImport, readFields, startFields } from '../imports/input.ts';
import { importJson } from '../imports/json.ts';
import { fileId } from '../imports/lease.ts';

const START_FIELDS = ['id', 'list_ids', ...Object.keys(startFields.shape)];

export function importChangeRoutes(deps: ApiDeps): Endpoint[] {
  const start: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const { body } = await readObject(deps, request);
    const warnings = unknownFields(body, START_FIELDS);
    const row = await requireImport(deps, workspaceId, body.id);
    const fields = readFields(body, startFields);
    const listIds = listIdsField(body);
    await deps.lists.require(workspaceId, listIds);
    if (row.status !== 'uploaded') return { status: 200, body: { import: importJson(startedAlready(row)), warnings } };
    const { mapping, options } = planImport(await readHead(deps, row), fields, request.grant);
    const acceptedAt = await fromRedis(redisMicros(deps.redis));
    const started = await fromPostgres(
      startImport(deps.pool, {
        ...{ workspaceId, importId: row.import_id, mapping, options, listIds, acceptedAt },
        ...{ dryRun: fields.dry_run ?? false, force: fields.force ?? false },
      }),
    );
    switch (started.outcome) {
      case 'not_found':
        throw fail('import_not_found');
      case 'exists':
        return { status: 200, body: { import: importJson(started.row), warnings } };
      case 'conflict':
        return { status: 200, body: { import: importJson(startedAlready(started.row)), warnings } };
      case 'started':
        await ask(deps, started.row);
        return { status: 202, body: { import: importJson(started.row), warnings } };
    }
  };

  const pause: Endpoint['handle'] = async (request) => {
    const { row, warnings } = await named(deps, request);
    const paused = await fromPostgres(pauseImport(deps.pool, row.workspace_id, row.import_id));
    if (!paused && row.status !== 'paused') throw fail('import_not_running');
    return { status: 200, body: { import: importJson(paused ?? row), warnings } };
  };

  const resume: Endpoint['handle'] = async (request) => {
    const { row, warnings } = await named(deps, request);
    const resumed = await fromPostgres(resumeImport(deps.pool, row.workspace_id, row.import_id));
    if (!resumed && row.status !== 'running') throw fail('import_not_paused');
    if (resumed) await ask(deps, resumed);
    return { status: 200, body: { import: importJson(resumed ?? row), warnings } };
  };

  const cancel: Endpoint['handle'] = async (request) => {
    const { row, warnings } = await named(deps, request);
    const cancelled = await fromPostgres(cancelImport(deps.pool, row.workspace_id, row.import_id));
    if (!cancelled && row.status !== 'cancelled') throw fail('import_ended');
    if (cancelled) await afterCancel(deps, cancelled);
    return { status: 200, body: { import: importJson(cancelled ?? row), warnings } };
  };

  const remove: Endpoint['handle'] = async (request) => {
    const { row, warnings } = await named(deps, request);
    if (!(await fromPostgres(removeImport(deps.pool, row.workspace_id, row.import_id)))) throw fail('import_not_ended');
    deps.uploads.held(fileId(row.import_id))?.letGo();
    await removeFile(deps, row.import_id);
    return { status: 200, body: { id: row.import_id, status: 'deleted', warnings } };
  };

  return [
    { method: 'POST', path: '/api/imports.start', scopes: ['write'], handle: start },
    { method: 'POST', path: '/api/imports.pause', scopes: ['write'], handle: pause },
    { method: 'POST', path: '/api/imports.resume', scopes: ['write'], handle: resume },
    { method: 'POST', path: '/api/imports.cancel', scopes: ['write'], handle: cancel },
    { method: 'POST', path: '/api/imports.delete', scopes: ['write'], handle: remove },
  ];
}

/** Started once, it is answered as it is: a start whose answer was lost can be sent again. @throws ApiError 409 */
function startedAlready(row: ImportRow): ImportRow {
  if (row.status === 'uploading') throw fail('import_not_uploaded');
  if (row.status === 'cancelled' || row.status === 'failed') throw fail('import_not_startable');
  return row;
}

async function named(deps: ApiDeps, request: ApiRequest) {
  const { body } = await readObject(deps, request);
  const warnings = unknownFields(body, ['id']);
  return { row: await requireImport(deps, request.grant.workspaceId, body.id), warnings };
}

/** Wakes a worker. Should Redis be away: the workers look for such imports by themselves. */
async function ask(deps: ApiDeps, row: ImportRow): Promise<void> {
  try {
    await deps.imports.request(row.workspace_id, row.import_id);
  } catch (error) {
    deps.log.warn({ import_id: row.import_id, ...errorFields(error) }, 'no worker could be asked for an import');
  }
}

/** One that was started needs its worker, and its file, until what is under way is counted. */
async function afterCancel(deps: ApiDeps, row: ImportRow): Promise<void> {
  if (row.started_at !== null) return ask(deps, row);
  deps.uploads.held(fileId(row.import_id))?.letGo();
  await removeFile(deps, row.import_id);
}
