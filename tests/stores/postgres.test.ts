/** The repositories of Postgres against a real one: migrations, ids, locks, the ledger, keys, pools. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalStores, startStores } from '@muster/embedded';
import {
  ContactIds,
  closeErasureGate,
  countVerdicts,
  createKey,
  createPool,
  createWorkspace,
  dropHiddenList,
  enterErasureGate,
  findGrant,
  findLedger,
  fixSetting,
  foldLedger,
  hideList,
  insertLedger,
  inTransaction,
  type LedgerEntry,
  leaseOutbox,
  listKeys,
  lockExternalIds,
  lockLane,
  MigrationError,
  markDelivered,
  markEventsStored,
  migratePostgres,
  type Pool,
  readBalance,
  readMigrations,
  rejectStored,
  releaseLeases,
  revokeKey,
  sqlState,
  undelivered,
  type Verdict,
  writeMemberships,
} from '@muster/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let stores: LocalStores;
let pool: Pool;
let ws = 0;
const dir = mkdtempSync(join(tmpdir(), 'muster-postgres-'));
const SQL = join(import.meta.dirname, '../../sql/postgres');
beforeAll(async () => {
  stores = await startStores({ dataDir: dir });
  pool = createPool(stores.postgresUrl, { max: 20, role: 'admin', onError: () => undefined });
  await migratePostgres(pool, SQL);
  ws = (await createWorkspace(pool, { name: 'test', timezone: 'UTC', country: null }))?.workspaceId ?? 0;
}, 120_000);
afterAll(async () => {
  await pool?.end();
  await stores?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('migrations', () => {
  const folder = (files: Record<string, string>) => {
    const path = mkdtempSync(join(dir, 'sql-'));
    for (const [name, sql] of Object.entries(files)) writeFileSync(join(path, name), sql);
    return path;
  };
  const database = async (name: string) => {
    await pool.query(`CREATE DATABASE ${name}`);
    const url = new URL(stores.postgresUrl);
    url.pathname = `/${name}`;
    return createPool(url.href, { max: 4, role: 'admin', onError: () => undefined });
  };

  test('two migrators at once apply each file once; a third finds nothing to do', async () => {
    const other = await database('twice');
    const applied = await Promise.all([migratePostgres(other, SQL), migratePostgres(other, SQL)]);
    expect(applied.flat().sort()).toEqual((await readMigrations(SQL)).map((m) => m.name));
    expect(await migratePostgres(other, SQL)).toEqual([]);
    await other.end();
  });

  test('a file that was edited or is missing is refused with what to do; nothing is applied', async () => {
    const other = await database('edited');
    await migratePostgres(other, folder({ '0001_a.sql': 'CREATE TABLE a (x int);' }));
    const edited = migratePostgres(other, folder({ '0001_a.sql': 'CREATE TABLE a (x bigint);', '0002_b.sql': 'CREATE TABLE b ();' }));
    await expect(edited).rejects.toThrow('0001_a.sql was edited after it was applied: restore it and put the change into a new file');
    await expect(migratePostgres(other, folder({}))).rejects.toThrow(/0001_a\.sql was applied to this database but is not in the folder/);
    await expect(other.query('SELECT FROM b')).rejects.toMatchObject({ code: '42P01' });
    await other.end();
  });

  test('a file that fails leaves no trace, and the ones before it stay', async () => {
    const other = await database('failing');
    const bad = folder({ '0001_a.sql': 'CREATE TABLE a ();', '0002_b.sql': 'CREATE TABLE b (); SELECT 1/0;' });
    await expect(migratePostgres(other, bad)).rejects.toMatchObject({ code: '22012' });
    const { rows } = await other.query('SELECT name FROM schema_migrations');
    expect(rows).toEqual([{ name: '0001_a.sql' }]);
    await expect(other.query('SELECT FROM b')).rejects.toMatchObject({ code: '42P01' });
    await other.end();
  });

  test.each([{ '1_a.sql': '' }, { '0001_A.sql': '' }, { '0001_a.sql': '', '0001_b.sql': '' }])(
    'names that do not fit are refused: %o',
    async (files) => {
      await expect(readMigrations(folder(files))).rejects.toBeInstanceOf(MigrationError);
    },
  );
});

describe('ContactIds: "dense UInt32 per workspace"', () => {
  test('unique over callers and processes at once, without a hole within a process, and given back ones are used again', async () => {
    const one = new ContactIds(pool);
    const two = new ContactIds(pool);
    const taken = await Promise.all(Array.from({ length: 200 }, (_, n) => (n % 2 ? one : two).take(ws, 1 + (n % 37))));
    const ids = taken.flat();
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.min(...ids)).toBeGreaterThan(0);
    const alone = new ContactIds(pool);
    const first = await alone.take(ws, 3_000);
    expect(Math.max(...first) - Math.min(...first)).toBe(2_999);
    alone.giveBack(ws, first.slice(0, 10));
    expect((await alone.take(ws, 10)).sort()).toEqual(first.slice(0, 10).sort());
    expect(first).not.toContain((await alone.take(ws, 1))[0]);
  });

  test('a workspace that has used all of its ids says so, and never goes over 2^31 - 1', async () => {
    const full = (await createWorkspace(pool, { name: 'full', timezone: 'UTC', country: null }))?.workspaceId ?? 0;
    await pool.query('UPDATE workspaces SET next_contact_id = 2147483647 - 1024 WHERE workspace_id = $1', [full]);
    const ids = new ContactIds(pool);
    expect(Math.max(...(await ids.take(full, 1_024)))).toBeLessThanOrEqual(2_147_483_647);
    await expect(ids.take(full, 1)).rejects.toThrow('used all of its contact ids');
  });
});

describe('locks', () => {
  test('external ids are taken in one order whatever the order they are named in: no two transactions deadlock', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `x${n}`);
    const work = (order: string[]) => inTransaction(pool, (client) => lockExternalIds(client, ws, order));
    await Promise.all(Array.from({ length: 60 }, (_, n) => work(n % 2 ? ids : [...ids].reverse())));
  });

  test('lanes exclude each other by kind and number; the gate lets writers in together and an erasure in alone', async () => {
    const order: string[] = [];
    const hold = (name: string, ms: number, lock: (client: Parameters<typeof lockLane>[0]) => Promise<void>) =>
      inTransaction(pool, async (client) => {
        await lock(client);
        order.push(`${name}+`);
        await pause(ms);
        order.push(`${name}-`);
      });
    const first = hold('a', 300, (c) => lockLane(c, 'profile', 1));
    await pause(100);
    const same = hold('same', 0, (c) => lockLane(c, 'profile', 1));
    await hold('other', 0, (c) => lockLane(c, 'custom_event', 1));
    await Promise.all([first, same]);
    expect(order).toEqual(['a+', 'other+', 'other-', 'a-', 'same+', 'same-']);
    order.length = 0;
    const writer = hold('w', 300, (c) => enterErasureGate(c, ws));
    await pause(100);
    await hold('w2', 0, (c) => enterErasureGate(c, ws));
    await Promise.all([writer, hold('erase', 0, (c) => closeErasureGate(c, ws))]);
    expect(order).toEqual(['w+', 'w2+', 'w2-', 'w-', 'erase+', 'erase-']);
  });

  test('a list is forgotten only after the writers that may still have seen it: no member stays behind', async () => {
    await pool.query("INSERT INTO lists (workspace_id, list_id, name) VALUES ($1, 'late', 'late')", [ws]);
    const member = { contact_id: 1, list_id: 'late', status: 'active' as const, removed: false, decided_at: 1, version: 1 };
    const at = '2024-01-01T00:00:00.000Z';
    let dropped: Promise<boolean> | undefined;
    await inTransaction(pool, async (client) => {
      await enterErasureGate(client, ws);
      await hideList(pool, ws, 'late');
      dropped = dropHiddenList(pool, ws, 'late');
      await pause(100);
      await writeMemberships(client, ws, [{ ...member, created_at: at, updated_at: at }]);
    });
    expect(await dropped).toBe(false);
    await pool.query("UPDATE contact_lists SET removed = true WHERE list_id = 'late'");
    expect(await dropHiddenList(pool, ws, 'late')).toBe(true);
  });
});

describe('the ledger', () => {
  const entry = (chunkId: string, verdicts: Verdict[] = [], more: Partial<LedgerEntry> = {}): LedgerEntry => ({
    ...{ chunkId, workspaceId: ws, source: 'timeline', acceptedAt: 1, items: verdicts.length, counts: countVerdicts(verdicts), verdicts },
    ...{ outbox: null, eventsPending: false, leaseSeconds: 0, replyTo: null, followUps: [], ...more },
  });

  test('a chunk has one row: the second insert says so and changes nothing', async () => {
    expect(await insertLedger(pool, entry('once', [{ v: 's', i: 'r:0', id: 1 }]))).toBe(true);
    expect(await insertLedger(pool, entry('once', []))).toBe(false);
    expect((await findLedger(pool, 'once'))?.verdicts).toEqual([{ v: 's', i: 'r:0', id: 1 }]);
  });

  test('leases: each row to one taker at a time, oldest first; given back or run out it is taken again, delivered never', async () => {
    for (let n = 0; n < 40; n += 1) await insertLedger(pool, entry(`lease-${n}`, [], { outbox: '{}' }));
    const taken = await Promise.all([1, 2, 3, 4].map(() => leaseOutbox(pool, 10, 1_000_000, 60)));
    const ids = taken.flat().map((r) => r.chunk_id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const rows of taken)
      expect(rows.map((r) => Number(r.chunk_id.slice(6)))).toEqual([...rows].map((r) => Number(r.chunk_id.slice(6))).sort((a, b) => a - b));
    const rest = await leaseOutbox(pool, 100, 1_000_000, 60);
    expect(ids.length + rest.length).toBe(40);
    expect(await leaseOutbox(pool, 100, 1_000_000, 60)).toEqual([]);
    await releaseLeases(pool, ['lease-7', 'lease-3']);
    expect((await leaseOutbox(pool, 100, 1_000_000, 0)).map((r) => r.chunk_id)).toEqual(['lease-3', 'lease-7']);
    await markDelivered(pool, ['lease-3']);
    expect((await leaseOutbox(pool, 100, 1_000_000, 60)).map((r) => r.chunk_id)).toEqual(['lease-7']);
    expect((await findLedger(pool, 'lease-3'))?.delivered).toBe(true);
    await markDelivered(
      pool,
      Array.from({ length: 40 }, (_, n) => `lease-${n}`),
    );
  });

  test('rejectStored turns stored items into rejected ones, once, and the balance with them', async () => {
    const before = await readBalance(pool, ws);
    await insertLedger(
      pool,
      entry(
        'refused',
        [
          { v: 's', i: 'q:0', id: 1 },
          { v: 'd', i: 'q:1' },
          { v: 's', i: 'q:2', id: 2 },
        ],
        { eventsPending: true },
      ),
    );
    for (let n = 0; n < 2; n += 1) await rejectStored(pool, 'refused', ['q:1', 'q:2']);
    expect((await findLedger(pool, 'refused'))?.verdicts.map((v) => v.v).join('')).toBe('sdr');
    const after = await readBalance(pool, ws);
    expect([after.applied - before.applied, after.rejected - before.rejected, after.duplicate - before.duplicate]).toEqual([1, 1, 1]);
    expect((await undelivered(pool)).rows).toBe(1);
    await markEventsStored(pool, ['refused']);
    expect((await undelivered(pool)).rows).toBe(0);
  });

  test('fold: only delivered rows past their time, in portions, concurrently; the balance never moves', async () => {
    await insertLedger(pool, entry('owed', [{ v: 's', i: 'o:0' }], { outbox: '{}' }));
    for (let n = 0; n < 30; n += 1) await insertLedger(pool, entry(`fold-${n}`, [{ v: 'k', i: `f:${n}` }]));
    await insertLedger(pool, entry('unpark', [], { counts: { ...countVerdicts([]), parked: -30, applied: 30 } }));
    await insertLedger(pool, entry('young', [{ v: 'n', i: 'y:0' }]));
    await pool.query("UPDATE job_ledger SET applied_at = now() - interval '31 days' WHERE chunk_id <> 'young'");
    const before = await readBalance(pool, ws);
    const folded = await Promise.all([1, 2, 3, 4].map(() => foldLedger(pool, 30, 10)));
    expect(await readBalance(pool, ws)).toEqual(before);
    expect(folded.every((n) => n <= 10)).toBe(true);
    while ((await foldLedger(pool, 30, 10)) > 0);
    expect(await readBalance(pool, ws)).toEqual(before);
    const { rows } = await pool.query<{ chunk_id: string }>('SELECT chunk_id FROM job_ledger ORDER BY seq');
    expect(rows.map((r) => r.chunk_id).sort()).toEqual(['owed', 'young']);
    await markDelivered(pool, ['owed']);
  });
});

describe('keys and pools', () => {
  test('"only its SHA-256 is stored"; revoked it is nothing; another workspace cannot take or revoke it', async () => {
    const { key, keyId } = await createKey(pool, { workspaceId: ws, name: 'k', scopes: ['read', 'ingest'], rateLimit: 5 });
    const other = (await createWorkspace(pool, { name: 'other', timezone: 'UTC', country: null }))?.workspaceId ?? 0;
    expect(await findGrant(pool, key)).toMatchObject({ workspaceId: ws, rateLimit: 5, scopes: new Set(['read', 'ingest']) });
    expect(await findGrant(pool, `${key} `)).toBeNull();
    const { rows } = await pool.query('SELECT k::text AS text FROM api_keys k');
    expect(JSON.stringify(rows)).not.toContain(key.slice(7));
    expect((await listKeys(pool, ws))[0]?.prefix).toBe(key.slice(0, 7));
    await expect(createKey(pool, { workspaceId: other, name: 'k', scopes: ['admin'], rateLimit: null, key })).rejects.toThrow(
      'another workspace',
    );
    expect(await revokeKey(pool, other, keyId)).toBe(false);
    expect([await revokeKey(pool, ws, keyId), await revokeKey(pool, ws, keyId)]).toEqual([true, false]);
    expect(await findGrant(pool, key)).toBeNull();
  });

  test('a setting is fixed by its first writer', async () => {
    const answers = await Promise.all(['8', '4', '2'].map((v) => fixSetting(pool, 'lanes-test', v)));
    expect(new Set(answers).size).toBe(1);
  });

  test('"a hung holder never stops a lane": sessions of workers end by themselves, and give up a lock in time', async () => {
    const worker = createPool(stores.postgresUrl, { max: 2, role: 'worker', onError: () => undefined });
    for (const [name, value] of [
      ['idle_in_transaction_session_timeout', '8s'],
      ['statement_timeout', '20s'],
      ['lock_timeout', '5s'],
    ])
      expect((await worker.query<Record<string, string>>(`SHOW ${name}`)).rows[0]?.[name ?? '']).toBe(value);
    await inTransaction(pool, async (holder) => {
      await lockLane(holder, 'profile', 9);
      const waiting = inTransaction(worker, async (client) => {
        await client.query("SET LOCAL lock_timeout = '200ms'");
        await lockLane(client, 'profile', 9);
      });
      const error: unknown = await waiting.catch((e: unknown) => e);
      expect(sqlState(error)).toBe('55P03');
    });
    await worker.end();
  });
});
