/** docker-compose.yml against the schemas that the services start with, and the image's bundles. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminSchema, apiSchema, boardSchema, segmenterSchema, workerSchema } from '@muster/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

type Condition = { condition: string };
type Service = {
  image?: string;
  command?: string[];
  environment?: Record<string, string | number>;
  ports?: string[];
  expose?: string[];
  volumes?: string[];
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  restart?: string;
  stop_grace_period?: string;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, Condition>;
  container_name?: string;
};

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(text, { merge: true });
const SCHEMAS = { migrate: adminSchema, api: apiSchema, worker: workerSchema, segmenter: segmenterSchema, board: boardSchema };
const OURS = Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[];
const STORES = ['postgres', 'redis', 'clickhouse'];

function service(name: string): Service {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name}`);
  return found;
}

/** As compose does it: `${NAME:-default}`, `${NAME:?message}`. */
function interpolate(value: string | number, env: Record<string, string>): string {
  return String(value).replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind: string | undefined, rest: string | undefined) => {
    const given = env[name];
    if (given) return given;
    if (kind === '?') throw new Error(`${name}: ${rest ?? ''}`);
    return rest ?? '';
  });
}

const SECRETS = {
  MUSTER_POSTGRES_PASSWORD: 'postgres-secret',
  MUSTER_CLICKHOUSE_PASSWORD: 'clickhouse-secret',
  MUSTER_HASH_KEY: 'a-hash-key-of-enough-length',
  MUSTER_BOARD_PASSWORD: 'board-secret',
};

test('the services are these', () => {
  expect(Object.keys(compose.services).sort()).toEqual([...STORES, ...OURS].sort());
});

describe.each(OURS)('%s', (name) => {
  const environment = service(name).environment ?? {};

  test('has only variables that its schema knows, and starts with them', () => {
    expect(Object.keys(environment).filter((variable) => !(variable in SCHEMAS[name].shape))).toEqual([]);
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, interpolate(value, SECRETS)]));
    const parsed = SCHEMAS[name].parse(env);
    expect(parsed.MUSTER_POSTGRES_URL).toBe('postgres://muster:postgres-secret@postgres:5432/muster');
    expect(parsed.MUSTER_CLICKHOUSE_URL).toBe('http://muster:clickhouse-secret@clickhouse:8123/muster');
    expect(parsed.MUSTER_LANES).toBe(8);
  });

  test.each(Object.keys(SECRETS))('refuses to start without %s, when it uses it, and says what to do', (secret) => {
    if (!Object.values(environment).some((value) => String(value).includes(secret))) return;
    const rest = Object.fromEntries(Object.entries(SECRETS).filter(([key]) => key !== secret));
    const resolve = () => Object.values(environment).map((value) => interpolate(value, rest));
    expect(resolve).toThrow(/make up/);
  });

  test('runs as a user without rights, and stops in order', () => {
    expect(service(name)).toMatchObject({ user: 'node', read_only: true, cap_drop: ['ALL'], stop_grace_period: '60s' });
  });

  test('starts after the stores are healthy', () => {
    for (const store of STORES) expect(service(name).depends_on?.[store]).toEqual({ condition: 'service_healthy' });
    if (name !== 'migrate') expect(service(name).depends_on?.migrate).toEqual({ condition: 'service_completed_successfully' });
  });

  test('starts again by itself', () => {
    expect(service(name).restart).toBe(name === 'migrate' ? 'on-failure' : 'unless-stopped');
  });
});

describe('the network', () => {
  test('only the API and the board are published, on this machine alone', () => {
    const published = Object.entries(compose.services).filter(([, s]) => (s.ports ?? []).length > 0);
    expect(published.map(([name]) => name).sort()).toEqual(['api', 'board']);
    for (const [, { ports }] of published)
      for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\$\{MUSTER_\w+_PORT:-\d+\}:\d+$/);
  });

  test('the published port is the one that the service listens on', () => {
    for (const name of ['api', 'board'] as const) {
      const environment = service(name).environment ?? {};
      expect(service(name).ports?.[0]?.split(':').at(-1)).toBe(String(environment[`MUSTER_${name.toUpperCase()}_PORT`]));
      expect(environment[`MUSTER_${name.toUpperCase()}_HOST`]).toBe('0.0.0.0');
    }
  });

  test.each(['worker', 'segmenter'])('%s scales: no name and no port of the machine', (name) => {
    expect(service(name).container_name).toBeUndefined();
    expect(service(name).ports).toBeUndefined();
  });

  test.each(['worker', 'segmenter'])('%s is asked for its health where it listens, and shows its metrics inside', (name) => {
    const port = String(service(name).environment?.[`MUSTER_${name.toUpperCase()}_PORT`]);
    expect(service(name).expose).toEqual([port]);
    expect(service(name).environment?.[`MUSTER_${name.toUpperCase()}_HOST`]).toBe('0.0.0.0');
  });
});

describe('the stores', () => {
  test.each(STORES)('%s has a health check, a volume and time to stop', (name) => {
    expect(service(name).healthcheck?.test?.length).toBeGreaterThan(1);
    const volume = service(name).volumes?.[0]?.split(':')[0] ?? '';
    expect(Object.keys(compose.volumes)).toContain(volume);
    expect(service(name)).toMatchObject({ restart: 'unless-stopped', stop_grace_period: '60s' });
    expect(service(name).image).toMatch(/:\d+(\.\d+)?(-\w+)?$/);
  });

  test('Redis keeps every acknowledged item and never drops a key', () => {
    const command = (service('redis').command ?? []).map((word) => interpolate(word, {}));
    const flag = (name: string) => command[command.indexOf(`--${name}`) + 1];
    expect(flag('appendonly')).toBe('yes');
    expect(flag('appendfsync')).toBe('always');
    expect(flag('maxmemory-policy')).toBe('noeviction');
    expect(flag('maxmemory')).toBe('2gb');
    expect(flag('hash-max-listpack-entries')).toBe('256');
  });

  test('Postgres has room for a lock per identifier of a chunk', () => {
    expect(service('postgres').image).toMatch(/^postgres:18/);
    expect(service('postgres').command).toContain('max_locks_per_transaction=512');
  });
});

describe('the image', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

  test('runs as a user without rights and has a health check', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^HEALTHCHECK /m);
  });

  test('the bundles are built, each command of compose names one, and the tool runs', () => {
    const out = execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT, encoding: 'utf8' });
    for (const name of OURS) {
      const bundle = /dist\/\w+\.mjs/.exec(service(name).command?.join(' ') ?? '')?.[0] ?? 'none';
      expect(out).toContain(bundle);
    }
    const help = execFileSync(process.execPath, ['dist/admin.mjs', 'help'], { cwd: ROOT, encoding: 'utf8' });
    expect(help).toContain('mirror rebuild');
    const refused = spawnSync(process.execPath, ['dist/board.mjs'], { cwd: ROOT, encoding: 'utf8', env: { PATH: process.env.PATH } });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('MUSTER_BOARD_PASSWORD');
  });
});

const hasCompose = spawnSync('docker-compose', ['version']).status === 0;
describe.runIf(hasCompose)('docker-compose itself', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'muster-compose-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function config(env: Record<string, string>) {
    const file = join(folder, 'env');
    writeFileSync(
      file,
      Object.entries(env)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    return spawnSync('docker-compose', ['--env-file', file, '-f', join(ROOT, 'docker-compose.yml'), 'config'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder },
    });
  }

  test('accepts the file with the secrets, and names what is missing without', () => {
    const good = config(SECRETS);
    expect(good.stderr).not.toContain('invalid');
    expect(good.status).toBe(0);
    const bad = config({ ...SECRETS, MUSTER_HASH_KEY: '' });
    expect(bad.status).not.toBe(0);
    expect(bad.stderr).toContain('make up');
  });
});
