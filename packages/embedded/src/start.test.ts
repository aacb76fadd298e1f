import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalStack, startStack } from './index.ts';
import { pickPort } from './ports.ts';
import { identify } from './process/identity.ts';
import { FIXTURES, temporaryDir, until } from './testing.ts';
import { runTypeScript } from './typescript.ts';

let directory: ReturnType<typeof temporaryDir>;
let children: ChildProcess[];

beforeEach(() => {
  directory = temporaryDir();
  children = [];
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  await sleep(200);
  directory.remove();
});

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** Runs start.ts as `make start` does, from another working directory. */
function start(env: Record<string, string>): Run {
  const { file, args } = runTypeScript(new URL('./start.ts', import.meta.url).pathname, []);
  const child = spawn(file, [...args], {
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MUSTER_DATA_DIR: directory.path, MUSTER_SERVICES_DIR: FIXTURES, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  const collect = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return { child, output: () => text, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

/** Waits for the last line of the greeting: lines of one burst may come through the pipe in several pieces. */
async function ready(run: Run): Promise<void> {
  await until(() => run.output().includes('Ctrl-C stops everything.'), 'ready', 60_000);
  expect(run.output()).toContain('Muster is ready');
}

async function ports(): Promise<{ MUSTER_API_PORT: string; MUSTER_BOARD_PORT: string }> {
  const taken = new Set<number>();
  return { MUSTER_API_PORT: String(await pickPort(taken)), MUSTER_BOARD_PORT: String(await pickPort(taken)) };
}

function recorded(): { name: string; pid: number }[] {
  return JSON.parse(readFileSync(join(directory.path, 'processes.json'), 'utf8'));
}

/** A zombie counts as dead: where nobody reaps them, the processes of a killed supervisor stay zombies. */
function alive(pid: number): boolean {
  return identify(pid) !== undefined;
}

test('prints where everything is, and Ctrl-C twice ends it all in order with code 0', async () => {
  const env = await ports();
  const run = start(env);
  await ready(run);
  expect(run.output()).toContain(`http://127.0.0.1:${env.MUSTER_API_PORT}`);
  expect(run.output()).toContain('muster-dev-key');
  expect(run.output()).toContain('not started: segmenter, board');
  expect(readFileSync(join(directory.path, 'admin-commands'), 'utf8')).toBe('migrate\nbootstrap --workspace demo --key muster-dev-key\n');
  const pids = recorded().map(({ pid }) => pid);
  expect(pids).toHaveLength(5);
  run.child.kill('SIGINT');
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(0);
  expect(run.output()).toContain('Stopped.');
  expect(pids.filter(alive)).toEqual([]);
  expect(readFileSync(join(directory.path, 'log', 'api.log'), 'utf8')).toContain('SIGTERM');
}, 90_000);

test('a second signal later cuts a slow stop short, and nothing survives', async () => {
  const run = start({ ...(await ports()), MUSTER_FIXTURE_STUBBORN: '1' });
  await ready(run);
  await until(() => readFileSync(join(directory.path, 'log', 'worker.log'), 'utf8').includes('worker up'), 'the worker listens to signals');
  const pids = recorded().map(({ pid }) => pid);
  run.child.kill('SIGTERM');
  await sleep(1_500);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(130);
  await until(() => !pids.some(alive), 'all gone', 10_000);
}, 90_000);

test('a second start on the directory is refused with one line and code 1', async () => {
  const first = start(await ports());
  await ready(first);
  const second = start(await ports());
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(`in use by the local stack with pid ${first.child.pid}`);
  expect(second.output()).not.toContain('    at ');
  first.child.kill('SIGINT');
  expect(await first.ended).toBe(0);
}, 90_000);

test.each([
  ['MUSTER_API_PORT', 'the API'],
  ['MUSTER_BOARD_PORT', 'the board'],
])(
  '%s in use: said before the stores start',
  async (variable, what) => {
    const squatter: Server = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const run = start({ ...(await ports()), [variable]: String(port) });
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain(`Port ${port} on 127.0.0.1 is in use, so ${what} cannot start`);
    expect(run.output()).toContain(`${variable}=`);
    expect(run.output()).not.toContain('    at ');
    squatter.close();
  },
  60_000,
);

test('a migration that fails is shown, and the stores are stopped', async () => {
  const run = start({ ...(await ports()), MUSTER_FIXTURE_FAIL: 'migrate' });
  expect(await run.ended).toBe(1);
  expect(run.output()).toContain('migration 0001 does not apply');
  expect(run.output()).not.toContain('    at ');
  expect(recorded()).toEqual([]);
}, 60_000);

test('a missing redis-server is said with the command that installs it', async () => {
  const run = start({ ...(await ports()), PATH: '/nonexistent' });
  expect(await run.ended).toBe(1);
  expect(run.output()).toContain('apt-get install redis-server');
}, 60_000);

test('after SIGKILL of the supervisor the next start works at once', async () => {
  const env = await ports();
  const first = start(env);
  await ready(first);
  const pids = recorded().map(({ pid }) => pid);
  const key = readFileSync(join(directory.path, 'hash-key'), 'utf8');
  first.child.kill('SIGKILL');
  await first.ended;
  await until(() => !alive(pids[0] ?? 0), 'children die with it');
  const startedAt = performance.now();
  const second = start(env);
  await ready(second);
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(pids.filter(alive)).toEqual([]);
  expect(readFileSync(join(directory.path, 'hash-key'), 'utf8')).toBe(key);
  expect(statSync(join(directory.path, 'hash-key')).mode & 0o077).toBe(0);
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
}, 90_000);

test('services are addressable: more workers, own environment, killed and kept down or started again', async () => {
  const lines: string[] = [];
  const stack: LocalStack = await startStack({
    dataDir: directory.path,
    services: ['api', 'worker'],
    servicesDir: FIXTURES,
    env: { MUSTER_SHARED: 'yes' },
    terminal: { line: (text) => void lines.push(text) },
  });
  try {
    const given = await (await fetch(`${stack.apiUrl}/env`)).json();
    expect(given).toMatchObject({
      MUSTER_POSTGRES_URL: stack.stores.postgresUrl,
      MUSTER_REDIS_URL: stack.stores.redisUrl,
      MUSTER_CLICKHOUSE_URL: stack.stores.clickhouseUrl,
      MUSTER_API_HOST: '127.0.0.1',
      MUSTER_BOARD_USER: 'admin',
      MUSTER_BOARD_PASSWORD: 'muster-dev-key',
      MUSTER_SHARED: 'yes',
      MUSTER_DATA_DIR: stack.stores.dataDir,
    });
    const extra = await stack.spawnService('worker', { env: { MUSTER_SPECIAL: '1' }, restart: false });
    expect(extra).toMatchObject({ name: 'worker-2', service: 'worker', autoRestart: false });
    await until(
      () =>
        fetch(`http://127.0.0.1:${extra.port}`).then(
          (response) => response.ok,
          () => false,
        ),
      'the second worker',
    );
    expect(await (await fetch(`http://127.0.0.1:${extra.port}`)).json()).toMatchObject({
      MUSTER_SPECIAL: '1',
      MUSTER_SERVICE_NAME: 'worker-2',
    });
    extra.kill('SIGKILL');
    expect(await extra.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(extra.state).toBe('stopped');

    const worker = stack.service('worker');
    const before = worker.pid;
    worker.kill('SIGKILL');
    await until(() => worker.state === 'running' && worker.pid !== before, 'the first worker again');
    expect(lines.some((line) => line.startsWith('worker ended'))).toBe(true);
    await expect(stack.spawnService('board')).rejects.toThrow(/There is no service "board"/);
    await expect(stack.spawnService('worker', { name: 'worker' })).rejects.toThrow(/runs already/);
  } finally {
    await stack.stop();
  }
  expect(stack.services.every(({ pid }) => pid === undefined)).toBe(true);
}, 90_000);
