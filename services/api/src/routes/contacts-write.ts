/** contacts.upsert and contacts.import. */
import { type Issue, isJsonObject, issue, jsonBytes, MAX_BATCH_ITEMS, normaliseContact } from '@muster/domain';
import { MAX_CHUNK_BYTES, type RoutedItem, routedUpsert } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { type Endpoint, readObject } from '../http/endpoint.ts';
import { fail, invalid } from '../http/errors.ts';
import { booleanField, choiceField, listIdsField, unknownFields } from '../http/fields.ts';
import { answerBatch, identity, type Named, openIntake, requireBatchSize, weigher } from '../intake.ts';
import { routeUpserts } from '../items/profile.ts';
import { answerSingle } from '../single.ts';

const IDENTIFY_BY = ['email', 'external_id'] as const;

export function contactWriteRoutes(deps: ApiDeps): Endpoint[] {
  const lanes = deps.config.MUSTER_LANES;

  const upsert: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body, bytes } = await readObject(deps, request);
    const warnings = unknownFields(body, ['contact', 'list_ids', 'identify_by', 'confirmed']);
    const listIds = listIdsField(body);
    const identifyBy = choiceField(body, 'identify_by', IDENTIFY_BY) ?? 'email';
    const confirmed = booleanField(body, 'confirmed');
    if (body.contact === undefined) throw invalid('contact', 'required', 'contact is required; add it.');
    const { workspaceId } = request.grant;
    const result = normaliseContact(body.contact, request.grant, 0);
    if (!result.ok) throw fail('validation_failed', { details: result.issues });
    if (identifyBy === 'external_id' && typeof result.patch.external_id !== 'string')
      throw fail('validation_failed', {
        details: [issue(0, 'external_id', 'required', 'identify_by external_id needs the external_id of the contact; add it.')],
      });
    if (listIds.length > 0) await deps.lists.require(workspaceId, listIds);
    const item = routedUpsert(workspaceId, lanes, identity(intake, 0), result.patch, { listIds, confirmed, identifyBy }, bytes);
    const [routed = item] = typeof result.patch.external_id === 'string' ? await routeUpserts(deps, workspaceId, [item]) : [];
    const named = { email: result.patch.email };
    return answerSingle(deps, request, intake, routed, named, [...warnings, ...result.warnings]);
  };

  const importMany: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body, bytes } = await readObject(deps, request);
    const warnings: Issue[] = unknownFields(body, ['contacts', 'list_ids', 'confirmed', 'identify_by']);
    const contacts = body.contacts;
    if (!Array.isArray(contacts))
      throw invalid('contacts', contacts === undefined ? 'required' : 'invalid_type', 'contacts must be an array.');
    requireBatchSize(contacts.length, MAX_BATCH_ITEMS);
    const listIds = listIdsField(body);
    const confirmed = booleanField(body, 'confirmed');
    const identifyBy = choiceField(body, 'identify_by', IDENTIFY_BY) ?? 'email';
    const { workspaceId } = request.grant;
    if (listIds.length > 0) await deps.lists.require(workspaceId, listIds);

    const items: RoutedItem[] = [];
    const names: Named[] = [];
    const rejected: Issue[] = [];
    const bytesOf = weigher(bytes, contacts.length, MAX_CHUNK_BYTES, jsonBytesOf);
    for (const [index, input] of contacts.entries()) {
      const result = normaliseContact(input, request.grant, index);
      warnings.push(...result.warnings);
      if (!result.ok) rejected.push(...result.issues);
      else if (identifyBy === 'external_id' && typeof result.patch.external_id !== 'string')
        rejected.push(issue(index, 'external_id', 'required', 'identify_by external_id needs the external_id of the contact; add it.'));
      else {
        items.push(
          routedUpsert(workspaceId, lanes, identity(intake, index), result.patch, { listIds, confirmed, identifyBy }, bytesOf(input)),
        );
        names.push({ email: result.patch.email });
      }
    }
    const routed = await routeUpserts(deps, workspaceId, items);
    return answerBatch(deps, request, intake, { items: routed, names, rejected, warnings });
  };

  return [
    { method: 'POST', path: '/api/contacts.upsert', scopes: ['ingest', 'write'], intake: true, handle: upsert },
    { method: 'POST', path: '/api/contacts.import', scopes: ['ingest', 'write'], intake: true, handle: importMany },
  ];
}

/** Size of an item that passed validation; other items are never weighed. */
function jsonBytesOf(item: unknown): number {
  return isJsonObject(item) ? jsonBytes(item) : 0;
}
