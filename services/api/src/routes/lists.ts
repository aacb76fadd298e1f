/** lists.create, .update, .delete, .list, .get, .stats. */
import { countMembers } from '@muster/clickhouse';
import { createListSchema, issuesOfZodError, listIdSchema, MEMBERSHIP_STATUSES, updateListSchema } from '@muster/domain';
import { changeSegments, createList, getList, hideList, type ListInput, listLists, updateList } from '@muster/postgres';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { type ApiRequest, type Endpoint, readObject } from '../http/endpoint.ts';
import { fail } from '../http/errors.ts';
import { fromClickHouse, fromPostgres } from '../http/failures.ts';
import { listIdValue, unknownFields } from '../http/fields.ts';
import { requiredParam } from '../http/query.ts';
import { requireUnused } from '../segments/references.ts';

export const deleteListSchema = z.object({ id: listIdSchema });

export function listRoutes(deps: ApiDeps): Endpoint[] {
  const create: Endpoint['handle'] = async (request) => {
    const { input, warnings } = await readInput(deps, request, createListSchema);
    const list = await fromPostgres(createList(deps.pool, request.grant.workspaceId, { ...input, description: input.description ?? '' }));
    if (list === 'taken') throw fail('list_exists');
    if (list === 'being_deleted') throw fail('list_being_deleted');
    return { status: 201, body: { list, warnings } };
  };

  const update: Endpoint['handle'] = async (request) => {
    const { input, warnings } = await readInput(deps, request, updateListSchema);
    const patch: Partial<Omit<ListInput, 'id'>> = {};
    if (input.name !== undefined) patch.name = input.name;
    if (input.description !== undefined) patch.description = input.description ?? '';
    if (input.is_double_optin !== undefined) patch.is_double_optin = input.is_double_optin;
    if (input.is_public !== undefined) patch.is_public = input.is_public;
    const list = await fromPostgres(updateList(deps.pool, request.grant.workspaceId, input.id, patch));
    if (!list) throw fail('list_not_found');
    return { status: 200, body: { list, warnings } };
  };

  const remove: Endpoint['handle'] = async (request) => {
    const { input, warnings } = await readInput(deps, request, deleteListSchema);
    const { workspaceId } = request.grant;
    // One transaction with the look at the segments: none can begin to refer to the list in between.
    const hide = changeSegments(deps.pool, workspaceId, async (client) => {
      await requireUnused(client, workspaceId, { list: input.id });
      if (!(await hideList(client, workspaceId, input.id))) throw fail('list_not_found');
    });
    await fromPostgres(hide);
    deps.lists.forget(workspaceId, input.id);
    return { status: 200, body: { id: input.id, status: 'deleting', warnings } };
  };

  const list: Endpoint['handle'] = async ({ grant }) => ({
    status: 200,
    body: { lists: await fromPostgres(listLists(deps.pool, grant.workspaceId)) },
  });

  const get: Endpoint['handle'] = async ({ grant, query }) => {
    const found = await fromPostgres(getList(deps.pool, grant.workspaceId, listIdValue(requiredParam(query, 'id'), 'id')));
    if (!found) throw fail('list_not_found');
    return { status: 200, body: { list: found } };
  };

  const stats: Endpoint['handle'] = async ({ grant, query }) => {
    const id = listIdValue(requiredParam(query, 'id'), 'id');
    if (!(await fromPostgres(getList(deps.pool, grant.workspaceId, id)))) throw fail('list_not_found');
    const counts = await fromClickHouse(countMembers(deps.clickhouse, grant.workspaceId, id));
    const byStatus = Object.fromEntries(MEMBERSHIP_STATUSES.map((status) => [status, counts.get(status) ?? 0]));
    const total = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
    return { status: 200, body: { stats: { list_id: id, total, ...byStatus } } };
  };

  return [
    { method: 'POST', path: '/api/lists.create', scopes: ['write'], handle: create },
    { method: 'POST', path: '/api/lists.update', scopes: ['write'], handle: update },
    { method: 'POST', path: '/api/lists.delete', scopes: ['write'], handle: remove },
    { method: 'GET', path: '/api/lists.list', scopes: ['read'], handle: list },
    { method: 'GET', path: '/api/lists.get', scopes: ['read'], handle: get },
    { method: 'GET', path: '/api/lists.stats', scopes: ['read'], handle: stats },
  ];
}

/** A body checked by its schema. @throws ApiError 422 with every fault */
async function readInput<T extends z.ZodObject>(deps: ApiDeps, request: ApiRequest, schema: T) {
  const { body } = await readObject(deps, request);
  const warnings = unknownFields(body, Object.keys(schema.shape));
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw fail('validation_failed', { details: issuesOfZodError(parsed.error) });
  return { input: parsed.data, warnings };
}
