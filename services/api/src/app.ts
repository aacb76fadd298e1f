/** The HTTP application: endpoints, health, metrics, documentation, and the answers to everything else. */
import { type Context, Hono } from 'hono';
import type { ApiDeps } from './deps.ts';
import type { HonoEnv } from './http/body.ts';
import { answerOf, failed, record, respond, serveEndpoint } from './http/endpoint.ts';
import { fail } from './http/errors.ts';
import { requestIdOf } from './http/headers.ts';
import { tusCapabilities } from './imports/tus.ts';
import { TUS_PATH } from './imports/urls.ts';
import { openApiDocument } from './openapi/document.ts';
import { assertDocumented } from './openapi/operations.ts';
import { renderDocs } from './openapi/page.ts';
import { allEndpoints } from './routes/index.ts';

export function createApp(deps: ApiDeps): Hono<HonoEnv> {
  const app = new Hono<HonoEnv>();
  const description = openApiDocument();
  const document = JSON.stringify(description);
  const docs = renderDocs(description);
  const endpoints = allEndpoints(deps);
  assertDocumented(endpoints);

  // One handler a path and method: with a second one that also matches, Hono would go through its chain for every request.
  const methodsOf = new Map<string, string[]>();
  const note = (path: string, method: string) => methodsOf.set(path, [...(methodsOf.get(path) ?? []), method]);
  for (const endpoint of endpoints) {
    // Hono takes HEAD to the handlers of GET.
    app.on(endpoint.method === 'HEAD' ? 'GET' : endpoint.method, endpoint.path, serveEndpoint(deps, endpoint));
    note(endpoint.path, endpoint.method);
  }

  app.get('/health/live', () => plain(200, 'application/json', '{"ok":true,"checks":{}}'));
  app.get('/health/ready', async () => {
    const report = await deps.readiness.report();
    return plain(report.ok ? 200 : 503, 'application/json', JSON.stringify(report));
  });
  app.get('/metrics', async () => plain(200, deps.metrics.registry.contentType, await deps.metrics.registry.metrics()));
  app.get('/openapi.json', () => plain(200, 'application/json', document));
  app.get('/docs', () => plain(200, 'text/html; charset=utf-8', docs));
  for (const path of ['/health/live', '/health/ready', '/metrics', '/openapi.json', '/docs']) note(path, 'GET');

  app.options(TUS_PATH, () => new Response(null, { status: 204, headers: tusCapabilities(deps.config.MUSTER_IMPORT_MAX_BYTES) }));
  note(TUS_PATH, 'OPTIONS');

  app.notFound((c) => {
    const allow = methodsOf.get(c.req.path)?.join(', ');
    if (allow === undefined) return refuse(deps, c, 'unknown', fail('not_found'));
    return refuse(deps, c, c.req.path, fail('method_not_allowed', { headers: { allow } }));
  });
  app.onError((error, c) => {
    const requestId = requestIdOf(c.req.header('x-request-id'));
    return respond(requestId, failed(deps, error, requestId, 'unknown'));
  });
  return app;
}

function plain(status: number, type: string, body: string): Response {
  return new Response(body, { status, headers: { 'content-type': type } });
}

/** The answer to a request that reaches no endpoint. */
function refuse(deps: ApiDeps, c: Context<HonoEnv>, route: string, error: ReturnType<typeof fail>): Response {
  const requestId = requestIdOf(c.req.header('x-request-id'));
  record(deps, { method: c.req.method, route, requestId, workspaceId: undefined, status: error.status, started: performance.now() });
  return respond(requestId, answerOf(error));
}
