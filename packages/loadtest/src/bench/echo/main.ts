/** The baseline of B1, a process of its own: a bare JSON route of the same HTTP framework that parses a body and answers it. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.post('/', async (c) => c.json(await c.req.json()));
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => process.send?.({ port }));
// Its parent ended, in whatever way.
process.on('disconnect', () => process.exit(0));
