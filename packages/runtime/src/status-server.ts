import { createServer, type Server } from 'node:http';
import type { Registry } from './metrics.ts';

export type HealthReport = { ok: boolean; checks: Record<string, boolean> };
export type StatusServerOptions = {
  host: string;
  port: number;
  registry: Registry;
  live: () => HealthReport | Promise<HealthReport>;
  ready: () => HealthReport | Promise<HealthReport>;
};

/** Small HTTP server of processes that serve no API: /health/live, /health/ready (200 or 503) and /metrics. */
export function startStatusServer(options: StatusServerOptions): Promise<Server> {
  const server = createServer((request, response) => {
    void respond(options, request.url ?? '/').then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500, { 'content-type': 'text/plain' }).end('status check failed'),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve(server));
  });
}

async function respond(options: StatusServerOptions, url: string): Promise<{ status: number; type: string; body: string }> {
  if (url.startsWith('/metrics')) return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
  if (url.startsWith('/health/')) {
    const report = await (url.startsWith('/health/live') ? options.live() : options.ready());
    return { status: report.ok ? 200 : 503, type: 'application/json', body: JSON.stringify(report) };
  }
  return { status: 404, type: 'text/plain', body: 'not found' };
}
