/** The board as a Hono application: health without login, everything else behind it, masked and all but read-only. */
import { createBullBoard } from '@bull-board/api';
import { HonoAdapter } from '@bull-board/hono';
import { getConnInfo } from '@hono/node-server/conninfo';
import { serveStatic } from '@hono/node-server/serve-static';
import { errorFields, type Logger } from '@muster/runtime';
import type { Queue } from 'bullmq';
import { Hono } from 'hono';
import { guard } from './guard.ts';
import { login } from './login.ts';
import { MaskedAdapter } from './masked-adapter.ts';

export type BoardDeps = {
  log: Logger;
  queues: readonly Queue[];
  user: string;
  password: string;
  /** True while Redis answers and the process is not stopping. */
  ready: () => Promise<boolean>;
};

/** Everything comes from here: the page's own link to a font server is cut, and the policy would stop it. */
const CONTENT_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'self'";
const FOREIGN_LINK = /<link[^>]+href="https?:\/\/[^>]*>/g;

export function createBoard(deps: BoardDeps): Hono {
  const app = new Hono();
  app.get('/health/live', (c) => c.json({ ok: true }));
  app.get('/health/ready', async (c) => {
    const ok = await deps.ready();
    return c.json({ ok }, ok ? 200 : 503);
  });
  app.use(
    '*',
    login({
      user: deps.user,
      password: deps.password,
      addressOf: (c) => getConnInfo(c).remote.address ?? 'unknown',
      onWrongTry: () => deps.log.warn('wrong login at the board'),
    }),
  );
  app.use('*', async (c, next) => {
    await next();
    c.header('content-security-policy', CONTENT_POLICY);
    c.header('x-content-type-options', 'nosniff');
    c.header('referrer-policy', 'no-referrer');
    if (!c.req.path.startsWith('/static/')) c.header('cache-control', 'no-store');
    if (c.res.headers.get('content-type')?.startsWith('text/html')) c.res = c.html((await c.res.text()).replace(FOREIGN_LINK, ''));
    // A failure's own message may quote data; it went to the log with its class and place.
    if (c.res.status >= 500) c.res = c.json({ error: 'The board cannot do this at the moment; its log says why.' }, 503);
  });
  app.use('*', guard(new Set(deps.queues.map((q) => q.name))));
  // Chunks have no children, and a tree of jobs would bypass the mask.
  app.get('/api/queues/:queue/:job/flow', (c) => c.json({ nodeId: c.req.param('job'), flowRoot: null, isFlowNode: false }));

  const server = new HonoAdapter(serveStatic);
  createBullBoard({
    queues: deps.queues.map((queue) => new MaskedAdapter(queue)),
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'Muster' } },
  });
  server.setErrorHandler((error) => {
    deps.log.warn(errorFields(error), 'a request of the board failed');
    return { status: 500, body: { error: 'failed' } };
  });
  app.route('/', server.registerPlugin());
  app.onError((error, c) => {
    deps.log.warn(errorFields(error), 'a request of the board failed');
    return c.json({ error: 'The board cannot do this at the moment; its log says why.' }, 503);
  });
  return app;
}
