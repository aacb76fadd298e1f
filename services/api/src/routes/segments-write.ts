/** segments.create, .update, .delete and .rebuild. */
import { createSegment, getSegment, hideSegment, requestBuilds, type SegmentPatch, updateSegment } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fail } from '../http/errors.ts';
import { changeDefinitions } from '../segments/change.ts';
import { createFields, readBody, readFields, requireTree, segmentIdFields, updateFields, zoneOf } from '../segments/input.ts';
import { segmentJson } from '../segments/json.ts';
import { requireReferences, requireUnused } from '../segments/references.ts';

export function segmentWriteRoutes(deps: ApiDeps): Endpoint[] {
  const create: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const body = await readBody(deps, request);
    const timezone = zoneOf(body) ?? zoneOf(request.grant) ?? 'UTC';
    const { fields, warnings } = readFields(body, createFields, timezone);
    const tree = requireTree(body.tree, timezone);
    const row = await changeDefinitions(deps, workspaceId, async (client) => {
      await requireReferences(client, workspaceId, tree, fields.id);
      const { id, name, color = null } = fields;
      const created = await createSegment(client, workspaceId, { id, name, color, timezone, tree });
      if (!created) throw fail('segment_exists');
      return created;
    });
    return { status: 201, body: { segment: segmentJson(row), warnings } };
  };

  const update: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const body = await readBody(deps, request);
    const timezone = zoneOf(body);
    const { fields, warnings } = readFields(body, updateFields, body.tree === undefined ? undefined : (timezone ?? request.grant.timezone));
    const row = await changeDefinitions(deps, workspaceId, async (client) => {
      const before = await getSegment(client, workspaceId, fields.id);
      if (!before) throw fail('segment_not_found');
      const patch: SegmentPatch = {};
      if (fields.name !== undefined) patch.name = fields.name;
      if (fields.color !== undefined) patch.color = fields.color;
      if (timezone !== undefined) patch.timezone = timezone;
      if (body.tree !== undefined || timezone !== undefined) {
        // Another zone gives another meaning to the days of the tree that is there.
        const tree = requireTree(body.tree === undefined ? before.tree : body.tree, timezone ?? before.timezone);
        await requireReferences(client, workspaceId, tree, fields.id);
        patch.tree = tree;
      }
      return updateSegment(client, workspaceId, fields.id, patch);
    });
    if (!row) throw fail('segment_not_found');
    return { status: 200, body: { segment: segmentJson(row), warnings } };
  };

  const remove: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const body = await readBody(deps, request);
    const { fields, warnings } = readFields(body, segmentIdFields);
    await changeDefinitions(deps, workspaceId, async (client) => {
      await requireUnused(client, workspaceId, { segment: fields.id });
      if (!(await hideSegment(client, workspaceId, fields.id))) throw fail('segment_not_found');
    });
    return { status: 200, body: { id: fields.id, status: 'deleting', warnings } };
  };

  const rebuild: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const body = await readBody(deps, request);
    const { fields, warnings } = readFields(body, segmentIdFields);
    const row = await changeDefinitions(deps, workspaceId, async (client) => {
      await requestBuilds(client, workspaceId, fields.id, 'requested');
      const segment = await getSegment(client, workspaceId, fields.id);
      if (!segment) throw fail('segment_not_found');
      return segment;
    });
    return { status: 202, body: { segment: segmentJson(row), warnings } };
  };

  return [
    { method: 'POST', path: '/api/segments.create', scopes: ['write'], handle: create },
    { method: 'POST', path: '/api/segments.update', scopes: ['write'], handle: update },
    { method: 'POST', path: '/api/segments.delete', scopes: ['write'], handle: remove },
    { method: 'POST', path: '/api/segments.rebuild', scopes: ['write'], handle: rebuild },
  ];
}
