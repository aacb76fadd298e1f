/**
 * One call of the API, from request to answer: request id → key → scope → intake guard → rate → handler → answer, log line and
 * metrics. One function instead of a chain of middleware, because the hot calls run it thousands of times a second.
 */
import type { KeyGrant, Scope } from '@muster/postgres';
import { errorFields } from '@muster/runtime';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import type { ApiDeps } from '../deps.ts';
import { bodyKind, type HonoEnv, parseJson, readBytes, utf8Text } from './body.ts';
import { type ApiError, fail } from './errors.ts';
import { toApiError } from './failures.ts';
import { keyOf, requestIdOf } from './headers.ts';
import { type Query, RequestQuery } from './query.ts';

export type JsonAnswer = { status: number; body: unknown; headers?: Record<string, string> };
/** An answer that is not JSON, or not known when it begins. */
export type RawAnswer = { status: number; response: Response };
export type Answer = JsonAnswer | RawAnswer;

export type ApiRequest = {
  readonly c: Context<HonoEnv>;
  readonly grant: KeyGrant;
  readonly route: string;
  readonly query: Query;
};

export type Endpoint = {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** One of these scopes is needed. */
  scopes: readonly Scope[];
  /** Brings items in: the intake guard may refuse it, and it charges the key's rate itself, by items. */
  intake?: boolean;
  handle: (request: ApiRequest) => Promise<Answer>;
};

export function respond(requestId: string, answer: Answer): Response {
  if ('response' in answer) {
    answer.response.headers.set('x-request-id', requestId);
    return answer.response;
  }
  return new Response(JSON.stringify(answer.body), {
    status: answer.status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId, ...answer.headers },
  });
}

export function answerOf(error: ApiError): JsonAnswer {
  return { status: error.status, body: error.body, headers: error.headers };
}

/** The Hono handler of an endpoint. */
export function serveEndpoint(deps: ApiDeps, endpoint: Endpoint): (c: Context<HonoEnv>) => Promise<Response> {
  const route = endpoint.path;
  return async (c) => {
    const started = performance.now();
    const requestId = requestIdOf(c.req.header('x-request-id'));
    let workspaceId: number | undefined;
    let answer: Answer;
    try {
      const grant = await authenticate(deps, c, endpoint.intake === true);
      workspaceId = grant.workspaceId;
      requireScope(grant, endpoint.scopes);
      if (endpoint.intake) deps.guard.check(grant.workspaceId);
      deps.limiter.check(grant.keyId, grant.rateLimit);
      if (!endpoint.intake) deps.limiter.charge(grant.keyId, grant.rateLimit, 1);
      answer = await endpoint.handle({ c, grant, route, query: new RequestQuery(c.req) });
    } catch (error) {
      answer = failed(deps, error, requestId, route);
    }
    record(deps, {
      method: endpoint.method,
      route,
      intake: endpoint.intake === true,
      requestId,
      workspaceId,
      status: answer.status,
      started,
    });
    const response = respond(requestId, answer);
    // A client that goes on over this connection would keep the process from ending.
    if (deps.stopping.aborted) response.headers.set('connection', 'close');
    return response;
  };
}

async function authenticate(deps: ApiDeps, c: Context<HonoEnv>, mayBeStale: boolean): Promise<KeyGrant> {
  const key = keyOf(c.req.header('authorization'));
  const grant = key === null ? null : (deps.keys.fresh(key) ?? (await deps.keys.find(key, mayBeStale)));
  if (grant) return grant;
  throw fail('unauthorized', { headers: { 'www-authenticate': 'Bearer realm="muster"' } });
}

/** The answer to an error; what nobody expected is logged with its place, never with its values. */
export function failed(deps: ApiDeps, error: unknown, requestId: string, route: string): JsonAnswer {
  const apiError = toApiError(error);
  if (apiError.status === 500) deps.log.error({ request_id: requestId, route, ...errorFields(error) }, 'request failed');
  else if (apiError.status === 503 && apiError.cause !== undefined)
    deps.log.warn({ request_id: requestId, route, ...errorFields(rootCause(apiError)) }, 'a store is unavailable');
  return answerOf(apiError);
}

function rootCause(error: Error): unknown {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause;
}

type Recorded = {
  method: string;
  route: string;
  intake?: boolean;
  requestId: string;
  workspaceId: number | undefined;
  status: number;
  started: number;
};

/**
 * The metrics of an answered request, and a log line: of items taken in only at level debug, because a line a call was a tenth of what
 * the call costs, and says nothing that the metrics and the ledger do not.
 */
export function record(deps: ApiDeps, r: Recorded): void {
  const ms = performance.now() - r.started;
  deps.metrics.requests.inc({ route: r.route, status: String(r.status) });
  deps.metrics.duration.observe({ route: r.route }, ms / 1_000);
  const level = r.intake && r.status < 300 ? 'debug' : 'info';
  if (!deps.log.isLevelEnabled(level)) return;
  deps.log[level](
    {
      request_id: r.requestId,
      method: r.method,
      route: r.route,
      status: r.status,
      ms: Math.round(ms * 10) / 10,
      workspace_id: r.workspaceId,
    },
    'request',
  );
}

/** A JSON object from the body. @throws ApiError 400, 413, 415 or 422 */
export async function readObject(deps: ApiDeps, request: ApiRequest): Promise<{ body: Record<string, unknown>; bytes: number }> {
  bodyKind(request.c.req.header('content-type'), false);
  const bytes = await readBytes(request.c, deps.config.MUSTER_MAX_BODY_BYTES);
  return { body: asObject(parseJson(utf8Text(bytes))), bytes: bytes.length };
}

export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw fail('validation_failed', { details: [{ field: '', code: 'invalid_type', message: 'The body must be a JSON object.' }] });
}
