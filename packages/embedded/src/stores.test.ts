import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalStores, startStores } from './index.ts';
import { identify } from './process/identity.ts';
import { redisCommand, temporaryDir, until } from './testing.ts';
import { runTypeScript } from './typescript.ts';

const directory = temporaryDir();
let stores: LocalStores;

beforeAll(async () => {
  stores = await startStores({ dataDir: directory.path });
}, 60_000);

afterAll(async () => {
  await stores.stop();
  directory.remove();
}, 60_000);

async function postgres<T>(query: string, url = stores.postgresUrl): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed ends the connection; the query's own promise reports it.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(query)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

function alive(pid: number | undefined): boolean {
  // A zombie counts as dead: where nobody reaps them, the processes of a killed supervisor stay zombies.
  return pid !== undefined && identify(pid) !== undefined;
}

describe('Postgres', () => {
  test('is version 18 with durable settings, UTF-8 and the C locale, on the loopback only', async () => {
    const names = [
      'fsync',
      'synchronous_commit',
      'wal_recycle',
      'max_connections',
      'max_locks_per_transaction',
      'listen_addresses',
      'server_encoding',
      'TimeZone',
    ];
    const [row] = await postgres<Record<string, string>>(
      `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`).join(', ')}, current_setting('server_version_num')::int / 10000 AS major, datcollate FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      wal_recycle: 'off',
      max_connections: '100',
      max_locks_per_transaction: '512',
      listen_addresses: '127.0.0.1',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
      major: 18,
      datcollate: 'C',
    });
  });

  test('wants its password', async () => {
    const wrong = stores.postgresUrl.replace(/:[0-9a-f]+@/, ':wrong@');
    await expect(postgres('SELECT 1', wrong)).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(directory.path, 'postgres-password')).mode & 0o077).toBe(0);
  });

  test('comes back by itself after SIGKILL, on the same port, with everything committed', async () => {
    await postgres('CREATE TABLE kept (id int)');
    await postgres('INSERT INTO kept VALUES (1)');
    // A busy backend outlives its postmaster for a moment and holds the shared memory.
    const busy = postgres('SELECT count(*) FROM generate_series(1, 1000000000)').catch(() => 'gone');
    const { postgres: process } = stores.processes;
    const before = process.pid;
    process.kill('SIGKILL');
    expect((await process.exited).signal).toBe('SIGKILL');
    await until(() => process.state === 'running' && process.pid !== before, 'up again');
    expect(await postgres('SELECT id FROM kept')).toEqual([{ id: 1 }]);
    expect(await busy).toBe('gone');
    expect(process.restarts).toBeGreaterThan(0);
  }, 60_000);

  test('a data directory below a closed one works too', async () => {
    const outer = temporaryDir();
    chmodSync(outer.path, 0o700);
    const nested = await startStores({ dataDir: join(outer.path, 'a', 'with space') });
    expect(await postgres('SELECT 1 AS one', nested.postgresUrl)).toEqual([{ one: 1 }]);
    await nested.stop();
    outer.remove();
  }, 60_000);
});

describe('Redis', () => {
  test('acknowledges what is on disk, refuses instead of evicting, listens on the loopback only', async () => {
    const settings: [string, string][] = [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
      ['maxmemory', String(1024 ** 3)],
      ['maxmemory-policy', 'noeviction'],
      ['hash-max-listpack-entries', '256'],
      ['bind', '127.0.0.1'],
      ['save', ''],
    ];
    for (const [name, value] of settings) {
      expect((await redisCommand(stores.redisUrl, `CONFIG GET ${name}`, /\$\d+\r\n[^\r]+\r\n\$\d+\r\n[^\r]*\r\n$/)).split('\r\n')[4]).toBe(
        value,
      );
    }
  });

  test('SIGKILL by hand, then start: the same port and every acknowledged key', async () => {
    const { redis } = stores.processes;
    expect(await redisCommand(stores.redisUrl, 'SET kept yes')).toBe('+OK\r\n');
    redis.autoRestart = false;
    redis.kill('SIGKILL');
    await redis.exited;
    await expect(redisCommand(stores.redisUrl, 'PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(redis.state).toBe('stopped');
    await redis.start();
    redis.autoRestart = true;
    expect(await redisCommand(stores.redisUrl, 'GET kept')).toContain('yes');
  }, 30_000);

  test('a frozen process is stopped all the same', async () => {
    const { redis } = stores.processes;
    redis.kill('SIGSTOP');
    await redis.restart();
    expect(await redisCommand(stores.redisUrl, 'GET kept')).toContain('yes');
  }, 30_000);

  test('a PATH without it says what to install', async () => {
    const other = temporaryDir();
    await expect(startStores({ dataDir: other.path, env: { PATH: '/nonexistent' } })).rejects.toThrow(/apt-get install redis-server/);
    other.remove();
  }, 60_000);
});

describe('the data directory', () => {
  test('a second start is refused and names the first', async () => {
    await expect(startStores({ dataDir: directory.path })).rejects.toThrow(new RegExp(`in use by the local stack with pid ${process.pid}`));
  });

  test('a cluster of another major version is refused', async () => {
    const other = temporaryDir();
    mkdirSync(join(other.path, 'postgres', 'data'), { recursive: true });
    writeFileSync(join(other.path, 'postgres', 'data', 'PG_VERSION'), '16\n');
    await expect(startStores({ dataDir: other.path })).rejects.toThrow(/made by Postgres 16, this is Postgres 18/);
    other.remove();
  }, 60_000);

  test('two stacks side by side share nothing', async () => {
    const other = temporaryDir();
    const second = await startStores({ dataDir: other.path });
    await redisCommand(second.redisUrl, 'SET mine 2');
    expect(await redisCommand(stores.redisUrl, 'GET mine')).toBe('$-1\r\n');
    await second.stop();
    other.remove();
  }, 60_000);

  test('when the supervisor is killed its children die with it, and the next start loses nothing', async () => {
    const other = temporaryDir();
    const { file, args } = runTypeScript(new URL('../fixtures/holdStores.ts', import.meta.url).pathname, [other.path]);
    const holder = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) => holder.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8'))));
    const held: { clickhouseUrl: string; redisUrl: string; pids: number[] } = JSON.parse(line);
    const client = createClient({ url: held.clickhouseUrl });
    await client.command({ query: 'CREATE TABLE kept (id UInt32) ENGINE = MergeTree ORDER BY id' });
    await client.insert({ table: 'kept', values: [{ id: 1 }], format: 'JSONEachRow' });
    await client.close();
    await redisCommand(held.redisUrl, 'SET kept 1');
    holder.kill('SIGKILL');
    const again = await startStores({ dataDir: other.path });
    expect(held.pids.filter(alive)).toEqual([]);
    const second = createClient({ url: again.clickhouseUrl });
    expect(await (await second.query({ query: 'SELECT id FROM kept', format: 'JSONEachRow' })).json()).toEqual([{ id: 1 }]);
    expect(await redisCommand(again.redisUrl, 'GET kept')).toContain('1');
    await second.close();
    await again.stop();
    other.remove();
  }, 60_000);

  test('a record whose pid now belongs to another process harms nobody', async () => {
    const other = temporaryDir();
    const bystander = spawn('sleep', ['60']);
    const pid = bystander.pid ?? 0;
    mkdirSync(join(other.path, 'postgres'), { recursive: true });
    writeFileSync(join(other.path, 'processes.json'), JSON.stringify([{ name: 'redis', pid, birth: 'some earlier one' }]));
    writeFileSync(join(other.path, 'supervisor.lock'), JSON.stringify({ pid, birth: 'some earlier one' }));
    const started = await startStores({ dataDir: other.path });
    expect(alive(pid)).toBe(true);
    await started.stop();
    expect(readFileSync(join(other.path, 'processes.json'), 'utf8')).toBe('[]');
    expect(existsSync(join(other.path, 'supervisor.lock'))).toBe(false);
    bystander.kill();
    other.remove();
  }, 60_000);
});
