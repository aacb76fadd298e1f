/** timeline.ingest, customEvents.upsert and customEvents.import. */
import {
  type CustomEvent,
  type Issue,
  isPlainJson,
  issue,
  jsonBytes,
  laneOf,
  MAX_BATCH_ITEMS,
  normaliseCustomEvent,
  normaliseEvent,
} from '@muster/domain';
import { jobIdsOf, MAX_CHUNK_BYTES, type RoutedItem } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import { bodyKind, parseJson, parseNdjson, readBytes, utf8Text } from '../http/body.ts';
import { type ApiRequest, asObject, type Endpoint, readObject } from '../http/endpoint.ts';
import { ApiError, fail, invalid } from '../http/errors.ts';
import { unknownFields } from '../http/fields.ts';
import {
  answerBatch,
  awaitOutcomes,
  enqueue,
  type Intake,
  identity,
  type Named,
  openIntake,
  operationsOf,
  requireBatchSize,
  weigher,
} from '../intake.ts';

export function eventWriteRoutes(deps: ApiDeps): Endpoint[] {
  const ingest: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { values, bytes, plain, warnings } = await readEvents(deps, request);
    requireBatchSize(values.length, MAX_BATCH_ITEMS);
    const now = Date.now();
    const items: RoutedItem[] = [];
    const names: Named[] = [];
    const rejected: Issue[] = [];
    const bytesOf = weigher(bytes, values.length, MAX_CHUNK_BYTES, jsonBytes);
    for (const [index, input] of values.entries()) {
      if (input === undefined) {
        rejected.push(issue(index, '', 'malformed_json', 'This line is not JSON.'));
        continue;
      }
      const result = normaliseEvent(input, now, index, plain);
      warnings.push(...result.warnings);
      if (!result.ok) rejected.push(...result.issues);
      else {
        items.push({ queue: { kind: 'timeline' }, item: { ...identity(intake, index), event: result.event }, bytes: bytesOf(input) });
        names.push(result.event);
      }
    }
    return answerBatch(deps, request, intake, { items, names, rejected, warnings });
  };

  const customItem = (workspaceId: number, intake: Intake, index: number, event: CustomEvent, bytes: number): RoutedItem => {
    const lane = laneOf(workspaceId, `${event.event_name}\0${event.external_id}`, deps.config.MUSTER_LANES);
    return { queue: { kind: 'custom_event', lane }, item: { ...identity(intake, index), event }, bytes };
  };
  const nameOf = (event: CustomEvent): Named => ({ email: event.email, external_id: event.external_id });

  const upsert: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body, bytes } = await readObject(deps, request);
    // `{"event": {…}}` is understood as well as the event itself.
    const wrapped = body.event !== undefined && body.event_name === undefined;
    const warnings: Issue[] = wrapped ? unknownFields(body, ['event']) : [];
    const result = normaliseCustomEvent(wrapped ? body.event : body, Date.now(), 0);
    if (!result.ok) throw fail('validation_failed', { details: result.issues });
    const items = [customItem(request.grant.workspaceId, intake, 0, result.event, bytes)];
    const placements = await enqueue(deps, request, intake, items);
    const job_ids = jobIdsOf(placements);
    const answer = { accepted: 1, rejected: [], job_id: job_ids[0] ?? null, job_ids, warnings: [...warnings, ...result.warnings] };
    const outcomes = await awaitOutcomes(deps, request, intake, items, placements);
    if (!outcomes) return { status: 202, body: answer };
    const operations = operationsOf(outcomes, items, [nameOf(result.event)]);
    const error = outcomes[0]?.error;
    if (error) throw new ApiError(409, error.code, error.message, { details: [{ index: 0, ...error }], beside: { operations } });
    return { status: 200, body: { ...answer, operations } };
  };

  const importMany: Endpoint['handle'] = async (request) => {
    const intake = openIntake(request);
    const { body, bytes } = await readObject(deps, request);
    const warnings: Issue[] = unknownFields(body, ['events']);
    const values = eventsField(body);
    requireBatchSize(values.length, MAX_BATCH_ITEMS);
    const now = Date.now();
    const items: RoutedItem[] = [];
    const names: Named[] = [];
    const rejected: Issue[] = [];
    const bytesOf = weigher(bytes, values.length, MAX_CHUNK_BYTES, jsonBytes);
    for (const [index, input] of values.entries()) {
      const result = normaliseCustomEvent(input, now, index);
      warnings.push(...result.warnings);
      if (!result.ok) rejected.push(...result.issues);
      else {
        items.push(customItem(request.grant.workspaceId, intake, index, result.event, bytesOf(input)));
        names.push(nameOf(result.event));
      }
    }
    return answerBatch(deps, request, intake, { items, names, rejected, warnings });
  };

  return [
    { method: 'POST', path: '/api/timeline.ingest', scopes: ['ingest', 'write'], intake: true, handle: ingest },
    { method: 'POST', path: '/api/customEvents.upsert', scopes: ['ingest', 'write'], intake: true, handle: upsert },
    { method: 'POST', path: '/api/customEvents.import', scopes: ['ingest', 'write'], intake: true, handle: importMany },
  ];
}

type Read = { values: unknown[]; bytes: number; plain: boolean; warnings: Issue[] };

/** Events of a JSON or NDJSON body; `undefined` stands for a line that is no JSON. */
async function readEvents(deps: ApiDeps, request: ApiRequest): Promise<Read> {
  const kind = bodyKind(request.c.req.header('content-type'), true);
  const bytes = await readBytes(request.c, deps.config.MUSTER_MAX_BODY_BYTES);
  const text = utf8Text(bytes);
  const plain = isPlainJson(text);
  if (kind === 'ndjson') return { values: parseNdjson(text, MAX_BATCH_ITEMS), bytes: bytes.length, plain, warnings: [] };
  const body = asObject(parseJson(text));
  return { values: eventsField(body), bytes: bytes.length, plain, warnings: unknownFields(body, ['events']) };
}

function eventsField(body: Record<string, unknown>): unknown[] {
  const events = body.events;
  if (Array.isArray(events)) return events;
  throw invalid('events', events === undefined ? 'required' : 'invalid_type', 'events must be an array.');
}
