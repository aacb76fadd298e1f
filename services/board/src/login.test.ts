import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { login } from './login.ts';

function setup() {
  const time = { now: 0 };
  const app = new Hono();
  app.use('*', login({ user: 'ops', password: 'pass:word', addressOf: (c) => c.req.header('x-from') ?? 'a', clock: () => time.now }));
  app.get('/', (c) => c.text('in'));
  const ask = async (credentials: string, from = 'a') =>
    (await app.request('/', { headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}`, 'x-from': from } })).status;
  return { app, ask, time };
}

test('user and password must both be right; a password may hold a colon', async () => {
  const { ask } = setup();
  expect(await ask('ops:pass:word')).toBe(200);
  expect(await ask('ops:pass:wor')).toBe(401);
  expect(await ask('op:pass:word')).toBe(401);
  expect(await ask('ops')).toBe(401);
});

test('no credentials count as no try', async () => {
  const { app, ask } = setup();
  for (let i = 0; i < 50; i += 1) expect((await app.request('/')).status).toBe(401);
  expect(await ask('ops:pass:word')).toBe(200);
});

test('five wrong tries at once, then one a second, for each address', async () => {
  const { ask, time } = setup();
  for (let i = 0; i < 5; i += 1) expect(await ask('ops:wrong')).toBe(401);
  expect(await ask('ops:wrong')).toBe(429);
  expect(await ask('ops:pass:word')).toBe(429);
  expect(await ask('ops:pass:word', 'b')).toBe(200);
  time.now += 1_000;
  expect(await ask('ops:wrong')).toBe(401);
  expect(await ask('ops:pass:word')).toBe(429);
  time.now += 5_000;
  expect(await ask('ops:pass:word')).toBe(200);
});
