import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createLogger } from '@muster/runtime';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HonoEnv } from './body.ts';
import { type Pieces, streamed } from './stream.ts';

let pieces: () => Pieces;
let server: Server;
let url = '';
beforeAll(async () => {
  const app = new Hono<HonoEnv>();
  const deps = { log: createLogger('test', 'silent') };
  app.get('/', async (c) => {
    try {
      return (await streamed(deps, { c, route: '/' }, { 'content-type': 'text/plain' }, pieces())).response;
    } catch {
      return new Response('an error', { status: 503 });
    }
  });
  server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('sends what comes, in order', async () => {
  pieces = async function* () {
    for (const text of ['a', 'é', 'c']) yield text;
  };
  expect(await (await fetch(url)).text()).toBe('aéc');
  expect(await (await fetch(url, { method: 'HEAD' })).text()).toBe('');
});

it('asks for no more than the reader takes, and stops when it is gone', async () => {
  let made = 0;
  let ended = false;
  pieces = async function* () {
    try {
      for (;;) {
        made += 1;
        yield 'x'.repeat(65_536);
      }
    } finally {
      ended = true;
    }
  };
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  await response.body?.getReader().read();
  await pause(300);
  const then = made;
  // What the sockets and both ends hold back: a few MiB of an endless answer.
  expect(then).toBeLessThan(300);
  await pause(200);
  expect(made).toBe(then);
  abort.abort();
  await pause(200);
  expect(ended).toBe(true);
});

it('fails as an error before the first piece, and by cutting the connection after it', async () => {
  pieces = async function* () {
    throw new Error('not there');
    // biome-ignore lint/correctness/noUnreachable: makes it a generator
    yield '';
  };
  expect((await fetch(url)).status).toBe(503);
  pieces = async function* () {
    yield 'half';
    throw new Error('gone');
  };
  await expect(fetch(url).then((r) => r.text())).rejects.toThrow();
});
