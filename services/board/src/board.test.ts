import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerType, serve } from '@hono/node-server';
import { type LocalStores, startStores } from '@muster/embedded';
import { allQueues, QUEUE_PREFIX } from '@muster/queues';
import { consumerConnection, createLogger, type Redis } from '@muster/runtime';
import { Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBoard } from './app.ts';

const PERSON = { email: 'ada.lovelace@example.com', first_name: 'Lovelace', phone: '+4915112345678' };
const log = createLogger('test', 'silent');

let dataDir: string;
let stores: LocalStores;
let redis: Redis;
let workerRedis: Redis;
let queues: Queue[];
let server: ServerType;
let base: string;
let isReady = true;

const queue = (name: string): Queue => {
  const found = queues.find((q) => q.name === name);
  if (!found) throw new Error(`no queue ${name}`);
  return found;
};

function board(path: string, init: RequestInit & { login?: string | null } = {}): Promise<Response> {
  const { login = 'admin:right-password', ...rest } = init;
  const headers = new Headers(rest.headers);
  if (login !== null) headers.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
  return fetch(`${base}${path}`, { ...rest, headers });
}

const item = (index: number) => ({ root: '01890a5d-ac96-774b-bcce-b302099a8057', index, op: 'upsert', patch: PERSON });
const chunk = { v: 1, ws: 7, acc: 1_700_000_000_000_000, items: [item(0), item(1)], surprise: PERSON };

/** Runs the queue's jobs to their failure, with a message as careless as a driver's. */
async function failJobs(name: string, message: string): Promise<void> {
  const worker = new Worker(
    name,
    async () => {
      class DatabaseError extends Error {
        override readonly name = 'DatabaseError';
      }
      throw new DatabaseError(message);
    },
    { connection: workerRedis, prefix: QUEUE_PREFIX },
  );
  await new Promise<void>((resolve) => worker.once('failed', () => resolve()));
  await worker.close();
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-board-'));
  stores = await startStores({ dataDir });
  redis = consumerConnection(stores.redisUrl, log);
  workerRedis = consumerConnection(stores.redisUrl, log);
  queues = allQueues(2).map((name) => new Queue(name, { connection: redis, prefix: QUEUE_PREFIX }));
  const app = createBoard({ log, queues, user: 'admin', password: 'right-password', ready: async () => isReady });
  server = await new Promise<ServerType>((resolve) => {
    const started = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, () => resolve(started));
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 120_000);

afterAll(async () => {
  server?.close();
  await Promise.all((queues ?? []).map((q) => q.close()));
  redis?.disconnect();
  workerRedis?.disconnect();
  await stores?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

beforeEach(async () => {
  await redis.flushall();
});

describe('login', () => {
  test.each(['/', '/api/queues', '/api/redis/stats', '/static/favicon.ico', '/queue/timeline', '/nowhere'])(
    '%s is closed',
    async (path) => {
      const response = await board(path, { login: null });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Basic');
      expect((await board(path, { method: 'PUT', login: null })).status).toBe(401);
    },
  );

  test('opens with the right password only', async () => {
    expect((await board('/api/queues')).status).toBe(200);
    expect((await board('/api/queues', { login: 'admin:wrong' })).status).toBe(401);
    expect((await board('/api/queues', { headers: { authorization: 'Bearer right-password' }, login: null })).status).toBe(401);
  });

  test('health is open and follows readiness', async () => {
    expect((await board('/health/live', { login: null })).status).toBe(200);
    expect((await board('/health/ready', { login: null })).status).toBe(200);
    isReady = false;
    expect((await board('/health/ready', { login: null })).status).toBe(503);
    isReady = true;
  });
});

describe('what is shown', () => {
  test('the page and all it loads come from here', async () => {
    const page = await board('/');
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const files = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map((m) => m[1] ?? '');
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect((await board(`/${file}`)).status).toBe(200);
  });

  test('every queue with its counts', async () => {
    await queue('profiles-1').add('chunk', chunk);
    const body = (await (await board('/api/queues')).json()) as { queues: { name: string; counts: { waiting: number } }[] };
    expect(body.queues.map((q) => q.name)).toEqual(allQueues(2));
    expect(body.queues.find((q) => q.name === 'profiles-1')?.counts.waiting).toBe(1);
  });

  test('jobs without any personal data, wherever they are read', async () => {
    await queue('profiles-0').add('chunk', chunk, { jobId: 'p0-1' });
    const job = await queue('timeline').add('chunk', { ...chunk, ...PERSON }, { jobId: 't-1', attempts: 1 });
    await job.log(`worked on ${PERSON.email}`);
    await job.updateProgress({ at: PERSON.email });
    await failJobs('timeline', `duplicate key (email)=(${PERSON.email})\n    at ${PERSON.email} (/x/Lovelace ${PERSON.phone}:1:1)`);
    await queue('maintenance').upsertJobScheduler('sweep', { every: 60_000 }, { name: 'task', data: { v: 1, task: 'sweep', ...PERSON } });
    const paths = [
      '/api/queues?activeQueue=profiles-0&status=latest&page=1&jobsPerPage=10',
      '/api/queues?activeQueue=timeline&status=failed&page=1&jobsPerPage=10',
      '/api/queues?activeQueue=maintenance&status=latest&page=1&jobsPerPage=10',
      '/api/queues/profiles-0/p0-1',
      '/api/queues/timeline/t-1',
      '/api/queues/timeline/t-1/logs',
      '/api/queues/timeline/t-1/flow?depth=3&maxChildren=10',
      '/api/queues/timeline/t-1/flow?root=node&depth=3&maxChildren=10',
      '/api/job-schedulers',
      '/api/queues/timeline/metrics',
      '/api/queues/timeline/workers',
      '/api/queues/timeline/default-job-options',
    ];
    for (const path of paths) {
      const response = await board(path);
      const text = await response.text();
      expect({ path, status: response.status }).toEqual({ path, status: 200 });
      expect(text).not.toContain('@');
      expect(text).not.toContain('Lovelace');
      expect(text).not.toContain('4915112345678');
    }
    const shown = (await (await board('/api/queues/profiles-0/p0-1')).json()) as { job: { data: unknown } };
    expect(shown.job.data).toEqual({
      v: 1,
      ws: 7,
      acc: 1_700_000_000_000_000,
      item_count: 2,
      items: [0, 1].map((index) => ({ op: 'upsert', root: '01890a5d-ac96-774b-bcce-b302099a8057', index })),
    });
    const failed = (await (await board('/api/queues/timeline/t-1')).json()) as {
      job: { failedReason: string; stacktrace: string[] };
      status: string;
    };
    expect(failed.status).toBe('failed');
    expect(failed.job.failedReason).toMatch(/^DatabaseError \(its message is hidden/);
    expect(failed.job.stacktrace[0]).toMatch(/^DatabaseError\n {4}at .*board\.test\.ts:\d+:\d+/);
  });

  test('evaluations of segments: whose they are, and nothing that a later version may add', async () => {
    const deduplication = { id: 'ws-7', keepLastIfActive: true };
    const job = await queue('segments').add('evaluate', { v: 1, ws: 7, tree: PERSON }, { deduplication, removeOnFail: { count: 20 } });
    await failJobs('segments', `the tree of ${PERSON.email} is too large`);
    const text = await (await board(`/api/queues/segments/${job.id}`)).text();
    expect(text).not.toContain('@');
    expect(text).not.toContain('Lovelace');
    const shown = JSON.parse(text) as { job: { data: unknown; name: string; failedReason: string } };
    expect(shown.job).toMatchObject({ name: 'evaluate', data: { v: 1, ws: 7 } });
    expect(shown.job.data).not.toHaveProperty('tree');
    expect(shown.job.failedReason).toMatch(/^DatabaseError \(its message is hidden/);
    expect((await board(`/api/queues/segments/${job.id}/retry`, { method: 'PUT' })).status).toBe(204);
    expect((await board('/api/queues/segments/obliterate', { method: 'PUT' })).status).toBe(405);
  });
});

describe('what may be done', () => {
  const LANE_CALLS = [
    'retry/failed',
    'p0-1/retry',
    'p0-1/clean',
    'p0-1/promote',
    'pause',
    'resume',
    'empty',
    'obliterate',
    'clean/failed',
    'concurrency',
  ];

  test.each(LANE_CALLS)('a lane refuses PUT %s', async (call) => {
    await queue('profiles-0').add('chunk', chunk, { jobId: 'p0-1' });
    await failJobs('profiles-0', 'x');
    for (const name of ['profiles-0', 'profiles%2D0', '%70rofiles-0', '%2570rofiles-0']) {
      const response = await board(`/api/queues/${name}/${call}`, { method: 'PUT', body: '{}' });
      expect(response.status).toBe(405);
    }
    expect(await queue('profiles-0').getFailedCount()).toBe(1);
    expect(await queue('profiles-0').isPaused()).toBe(false);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is refused on lanes', async (method) => {
    for (const path of ['/api/queues/custom-events-1/add', '/api/queues/custom-events-1/e1-1/update-data', '/api/queues/custom-events-1'])
      expect((await board(path, { method, body: '{"name":"chunk","data":{}}' })).status).toBe(405);
    expect(await queue('custom-events-1').count()).toBe(0);
  });

  test.each([
    ['PUT', 'pause'],
    ['PUT', 'resume'],
    ['PUT', 'timeline/pause'],
    ['PUT', 'timeline/empty'],
    ['PUT', 'timeline/obliterate'],
    ['PUT', 'timeline/clean/failed'],
    ['PUT', 'timeline/retry/completed'],
    ['PUT', 'timeline/promote'],
    ['PUT', 'timeline/concurrency'],
    ['PUT', 'timeline/rate-limit'],
    ['PUT', 'timeline/t-1/clean'],
    ['PUT', 'timeline/t-1/promote'],
    ['PUT', 'maintenance/job-schedulers/minute/remove'],
    ['PUT', 'maintenance/job-schedulers/minute/run'],
    ['PATCH', 'timeline/t-1/update-data'],
    ['PATCH', 'timeline/t-1/delay'],
    ['POST', 'timeline/add'],
    ['DELETE', 'timeline'],
    ['PUT', 'elsewhere/t-1/retry'],
  ])('%s %s is off', async (method, path) => {
    const response = await board(`/api/queues/${path}`, { method, body: '{}' });
    expect(response.status).toBe(405);
    expect(await response.json()).toHaveProperty('error', expect.stringContaining('off'));
  });

  test('a failed job of another queue is retried, alone or with all failed ones', async () => {
    await queue('timeline').add('chunk', chunk, { jobId: 't-1' });
    await failJobs('timeline', 'x');
    expect((await board('/api/queues/timeline/t-1/retry', { method: 'PUT' })).status).toBe(204);
    expect(await queue('timeline').getJobState('t-1')).toBe('waiting');
    await failJobs('timeline', 'x');
    expect((await board('/api/queues/timeline/retry/failed', { method: 'PUT' })).status).toBe(200);
    expect(await queue('timeline').getJobState('t-1')).toBe('waiting');
  });

  test('a completed job is not run again', async () => {
    await queue('timeline').add('chunk', chunk, { jobId: 't-1' });
    const worker = new Worker('timeline', async () => 1, { connection: workerRedis, prefix: QUEUE_PREFIX });
    await new Promise<void>((resolve) => worker.once('completed', () => resolve()));
    await worker.close();
    await board('/api/queues/timeline/t-1/retry', { method: 'PUT' });
    expect(await queue('timeline').getJobState('t-1')).toBe('completed');
  });
});

test('guessing is slowed down: after five wrong tries even the right password has to wait', async () => {
  const guesses = await Promise.all(Array.from({ length: 20 }, (_, i) => board('/api/queues', { login: `admin:guess-${i}` })));
  expect(guesses.filter((r) => r.status === 401).length).toBeLessThanOrEqual(6);
  expect(guesses.filter((r) => r.status === 429).length).toBeGreaterThanOrEqual(14);
  expect((await board('/api/queues')).status).toBe(429);
});
