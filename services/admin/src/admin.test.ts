import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClickHouse } from '@muster/clickhouse';
import { type LocalStores, startStores } from '@muster/embedded';
import { createPool, findGrant, type Pool } from '@muster/postgres';
import { QUEUE_PREFIX } from '@muster/queues';
import { adminSchema, consumerConnection, createLogger, loadConfig } from '@muster/runtime';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseCommandLine } from './arguments.ts';
import { runCli } from './cli.ts';
import { rebuildMirror } from './commands/mirror.ts';
import { openDeps } from './deps.ts';
import { createOutput } from './output.ts';

let dataDir: string;
let stores: LocalStores;
let postgres: Pool;
let env: NodeJS.ProcessEnv;

async function admin(args: string[], overrides: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env: { ...env, ...overrides },
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  });
  return { code, out, err };
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-admin-'));
  stores = await startStores({ dataDir });
  postgres = createPool(stores.postgresUrl, { max: 2, role: 'admin', onError: () => undefined });
  env = {
    MUSTER_POSTGRES_URL: stores.postgresUrl,
    MUSTER_REDIS_URL: stores.redisUrl,
    MUSTER_CLICKHOUSE_URL: stores.clickhouseUrl,
  };
}, 120_000);

afterAll(async () => {
  await postgres?.end();
  await stores?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

describe('migrate', () => {
  test('says what to do when there is no schema yet', async () => {
    const { code, err } = await admin(['workspace', 'list']);
    expect(code).toBe(1);
    expect(err).toContain('Has `migrate` been run?');
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('makes both schemas, from two processes at once, and is safe to repeat', async () => {
    const both = await Promise.all([admin(['migrate']), admin(['migrate'])]);
    expect(both.map((r) => r.err)).toEqual(['', '']);
    const applied = both.map((r) => r.out).join('');
    expect(applied.match(/applied 0001_workspaces\.sql/g)).toHaveLength(1);
    expect(applied.match(/applied 0001_contacts\.sql/g)).toHaveLength(1);
    const again = await admin(['migrate']);
    expect(again).toEqual({ code: 0, out: 'Postgres: up to date.\nClickHouse: up to date.\n', err: '' });
  });

  test('refuses another number of lanes', async () => {
    const { code, err } = await admin(['migrate'], { MUSTER_LANES: '4' });
    expect(code).toBe(1);
    expect(err).toContain('set MUSTER_LANES=8');
  });

  test('switches power safety on and off', async () => {
    const clickhouse = createClickHouse(stores.clickhouseUrl);
    const setting = async () => {
      const result = await clickhouse.query({
        query: "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'timeline_by_kind'",
        format: 'JSONEachRow',
      });
      return JSON.stringify(await result.json());
    };
    expect((await admin(['migrate'], { MUSTER_POWER_SAFE: '1' })).code).toBe(0);
    expect(await setting()).toContain('fsync_after_insert = 1');
    expect((await admin(['migrate'])).code).toBe(0);
    expect(await setting()).toContain('fsync_after_insert = 0');
    await clickhouse.close();
  });
});

describe('workspaces and keys', () => {
  test('bootstrap is idempotent and gives every scope without a limit', async () => {
    for (let i = 0; i < 2; i += 1) expect((await admin(['bootstrap', '--workspace', 'demo', '--key', 'test-dev-key'])).err).toBe('');
    const grant = await findGrant(postgres, 'test-dev-key');
    expect(grant).toMatchObject({ name: 'demo', rateLimit: null });
    expect([...(grant?.scopes ?? [])].sort()).toEqual(['admin', 'ingest', 'read', 'write']);
    const { rows } = await postgres.query('SELECT 1 FROM api_keys');
    expect(rows).toHaveLength(1);
  });

  test('bootstrap takes the key from MUSTER_DEV_KEY, and refuses a key of another workspace', async () => {
    expect((await admin(['bootstrap', '--workspace', 'demo'], { MUSTER_DEV_KEY: 'test-dev-key' })).code).toBe(0);
    const stolen = await admin(['bootstrap', '--workspace', 'other', '--key', 'test-dev-key']);
    expect(stolen.code).toBe(1);
    expect(stolen.err).toContain('another workspace');
  });

  test('a workspace is created once, with a zone and a country', async () => {
    expect((await admin(['workspace', 'create', 'shop', '--timezone', 'Europe/Berlin', '--country', 'DE'])).code).toBe(0);
    const twice = await admin(['workspace', 'create', 'shop']);
    expect(twice.code).toBe(1);
    expect(twice.err).toContain('already');
    expect((await admin(['workspace', 'list'])).out).toMatch(/shop\s+Europe\/Berlin\s+DE/);
  });

  test('a key is printed once, listed by its prefix, and revoked', async () => {
    const made = await admin(['key', 'create', '--workspace', 'shop', '--name', 'web', '--scopes', 'ingest,read', '--rate', '500']);
    const key = made.out.trim().split('\n').at(-1) ?? '';
    expect(await findGrant(postgres, key)).toMatchObject({ name: 'shop', rateLimit: 500, scopes: new Set(['ingest', 'read']) });
    const listed = await admin(['key', 'list', '--workspace', 'shop']);
    expect(listed.out).toContain(`${key.slice(0, 7)}…`);
    expect(listed.out).not.toContain(key);
    expect(listed.out).toContain('500/s');
    const id = /Key (\d+) of/.exec(made.out)?.[1] ?? '';
    const foreign = await admin(['key', 'revoke', '--workspace', 'demo', '--id', id]);
    expect(foreign.err).toContain(`no live key ${id}`);
    expect((await admin(['key', 'revoke', '--workspace', 'shop', '--id', id])).code).toBe(0);
    expect(await findGrant(postgres, key)).toBeNull();
  });
});

test('balance shows what the ledger settled and what waits in Redis', async () => {
  const { rows } = await postgres.query<{ workspace_id: number }>("SELECT workspace_id FROM workspaces WHERE name = 'shop'");
  const ws = rows[0]?.workspace_id ?? 0;
  await postgres.query(
    `INSERT INTO job_ledger (chunk_id, workspace_id, source, accepted_at, items, applied, rejected) VALUES ('p0-x', $1, 'profile', 0, 5, 3, 2),
       ('p0-y', $1, 'profile', 0, 2, 1, 0)`,
    [ws],
  );
  const redis = consumerConnection(stores.redisUrl, createLogger('test', 'silent'));
  const queue = new Queue('profiles-3', { connection: redis, prefix: QUEUE_PREFIX });
  const chunk = (items: number, more = {}) => ({ v: 1, ws, acc: 0, items: Array.from({ length: items }, () => ({})), ...more });
  await queue.addBulk([
    { name: 'chunk', data: chunk(7) },
    { name: 'chunk', data: chunk(4) },
    { name: 'chunk', data: chunk(9, { internal: true }) },
    { name: 'chunk', data: { ...chunk(100), ws: ws + 1_000 } },
  ]);
  await queue.close();
  redis.disconnect();
  const { out, err } = await admin(['balance', '--workspace', 'shop']);
  expect(err).toBe('');
  const [header, row] = out.trim().split('\n');
  expect(header?.split(/\s+/)).toEqual([
    ...['workspace', 'settled', 'applied', 'unchanged', 'duplicate', 'rejected', 'parked', 'erased', 'cancelled', 'waiting', 'state'],
  ]);
  expect(row).toMatch(/^shop\s+7\s+4\s+0\s+0\s+2\s+0\s+0\s+0\s+11\s+off by 1$/);
});

test('mirror rebuild writes profiles and memberships of every workspace, and never over a newer row', async () => {
  const { rows } = await postgres.query<{ workspace_id: number }>("SELECT workspace_id FROM workspaces WHERE name = 'shop'");
  const ws = rows[0]?.workspace_id ?? 0;
  await postgres.query(
    `INSERT INTO contacts (workspace_id, contact_id, email, external_id, created_at, updated_at, version, fields)
     SELECT $1, i, 'c' || i || '@example.com', 'x' || i, '2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z', 3,
       '{"first_name": "Ada", "custom_number_1": 4.5, "custom_datetime_1": "2026-01-01T00:00:00.000Z", "custom_json_1": {"a": 1}}'
     FROM generate_series(1, 12000) AS i`,
    [ws],
  );
  await postgres.query(
    `INSERT INTO contact_lists (workspace_id, contact_id, list_id, status, removed, decided_at, created_at, updated_at)
     SELECT $1, i, 'news', 'active', i % 2 = 0, 1, now(), now() FROM generate_series(1, 100) AS i`,
    [ws],
  );
  const clickhouse = createClickHouse(stores.clickhouseUrl);
  const newer = { workspace_id: ws, contact_id: 1, email: 'newer@example.com', version: 4, is_deleted: 0 };
  await clickhouse.insert({ table: 'contacts', values: [newer], format: 'JSONEachRow' });

  const { code, out, err } = await admin(['mirror', 'rebuild']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('shop: 12,000 contacts, 100 memberships written.');
  const read = async (query: string) => (await clickhouse.query({ query, format: 'JSONEachRow' })).json();
  expect(await read(`SELECT toUInt32(count()) AS n FROM contacts FINAL WHERE workspace_id = ${ws}`)).toEqual([{ n: 12_000 }]);
  expect(await read(`SELECT email FROM contacts FINAL WHERE workspace_id = ${ws} AND contact_id = 1`)).toEqual([
    { email: 'newer@example.com' },
  ]);
  expect(
    await read(
      `SELECT email, external_id, toString(created_at) AS created, custom_number_1 AS n, toString(custom_datetime_1) AS d, custom_json_1 AS j
       FROM contacts FINAL WHERE workspace_id = ${ws} AND contact_id = 2`,
    ),
  ).toEqual([
    { email: 'c2@example.com', external_id: 'x2', created: '2026-01-02 03:04:05.678', n: 4.5, d: '2026-01-01 00:00:00.000', j: '{"a":1}' },
  ]);
  expect(await read(`SELECT toUInt32(count()) AS n FROM contact_lists FINAL WHERE workspace_id = ${ws}`)).toEqual([{ n: 50 }]);
  await clickhouse.close();
});

test('a contact erased between the read and the write of its page stays erased', async () => {
  await admin(['workspace', 'create', 'race']);
  const { rows } = await postgres.query<{ workspace_id: number }>("SELECT workspace_id FROM workspaces WHERE name = 'race'");
  const ws = rows[0]?.workspace_id ?? 0;
  await postgres.query(
    `INSERT INTO contacts (workspace_id, contact_id, email, created_at, updated_at)
     SELECT $1, i, 'r' || i || '@example.com', now(), now() FROM generate_series(1, 2) AS i`,
    [ws],
  );
  await postgres.query(
    `INSERT INTO contact_lists (workspace_id, contact_id, list_id, status, decided_at, created_at, updated_at)
     SELECT $1, i, 'news', 'active', 1, now(), now() FROM generate_series(1, 2) AS i`,
    [ws],
  );
  const deps = openDeps(loadConfig(adminSchema, env), createOutput({ write: () => true }));
  const clickhouse = deps.clickhouse();
  const insert = clickhouse.insert.bind(clickhouse);
  let erased = false;
  // The erasure happens after the page was read and before it is written.
  vi.spyOn(clickhouse, 'insert').mockImplementation(async (params) => {
    if (!erased) {
      erased = true;
      await postgres.query('DELETE FROM contact_lists WHERE workspace_id = $1 AND contact_id = 1', [ws]);
      await postgres.query('DELETE FROM contacts WHERE workspace_id = $1 AND contact_id = 1', [ws]);
    }
    return insert(params);
  });
  await rebuildMirror(deps, parseCommandLine(['--workspace', 'race']));
  for (const table of ['contacts', 'contact_lists']) {
    const query = `SELECT toUInt32(contact_id) AS id FROM ${table} FINAL WHERE workspace_id = ${ws}`;
    expect(await (await clickhouse.query({ query, format: 'JSONEachRow' })).json()).toEqual([{ id: 2 }]);
  }
  await deps.close();
});
