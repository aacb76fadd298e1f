/** What becomes of the records of a file: every outcome and count, duplicates, lists, rejected rows, dry runs. */
import { rmSync, truncateSync } from 'node:fs';
import { eraseContact } from '@muster/postgres';
import { importFile } from '@muster/queues';
import { redisMicros, sleep } from '@muster/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectBalanced, type Importer, type ImportStack, startImportStack, until } from './support.ts';

let stack: ImportStack;
let importer: Importer;
beforeAll(async () => {
  stack = await startImportStack();
});
afterAll(() => stack?.close());

/** The worker's own counters of imports, by their labels. */
async function metrics(): Promise<Record<string, number>> {
  const worker = stack.pipeline.stack.service('worker');
  const text = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text();
  const found = text.matchAll(/^muster_import_(?:records|failures)_total\{.*?(?:outcome|code)="(\w+)".*?\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, label = '', value]) => [label, Number(value)]));
}

const csv = (...lines: string[]): string => lines.map((line) => `${line}\n`).join('');

describe('"Every record ends in exactly one of created, updated, unchanged, rejected, duplicate"', () => {
  test('each of them, and the sum is the number of records', async () => {
    importer = await stack.open();
    const first = await importer.run(csv('email,first_name', 'ada@example.com,Ada', 'bob@example.com,Bob'));
    expect(first).toMatchObject({ status: 'completed', records: 2, counts: { created: 2 } });
    const second = await importer.run(
      csv(
        'email,first_name,custom_number_1',
        'ada@example.com,Ada,',
        'bob@example.com,Robert,1',
        'new@example.com,New,2',
        'new@example.com,Newer,3',
        'no address,X,',
        'x@example.com,X,many',
        '',
        '"broken" x,,',
      ),
    );
    expect(second).toMatchObject({
      ...{ status: 'completed', records: 7, done: 7, error: null },
      counts: { created: 1, updated: 1, unchanged: 1, rejected: 3, duplicate: 1 },
    });
    expectBalanced(second);
    expect(await importer.refused(second.import_id)).toEqual(['6 invalid_email', '7 invalid_number', '9 stray_quote']);
    const rejects = await importer.rejects(second.import_id);
    expect(rejects[0]).toMatchObject({ column: 0, cells: ['no address', 'X', ''], raw: null });
    expect(rejects[1]).toMatchObject({ column: 2, cells: ['x@example.com', 'X', 'many'] });
    expect(rejects[2]).toMatchObject({ cells: [], raw: '"broken" x,,' });
    expect(await importer.contacts()).toEqual({
      'ada@example.com': { first_name: 'Ada' },
      'bob@example.com': { first_name: 'Robert', custom_number_1: 1 },
      'new@example.com': { first_name: 'Newer', custom_number_1: 3 },
    });
    await until('its files are removed', async () => importer.files(second.import_id).length === 0);
    // Each lane delivers by itself.
    await until('delivery', async () => Object.values(await importer.entries()).reduce((n, entries) => n + entries, 0) === 4);
    expect(await importer.entries()).toEqual({ 'contact.created': 3, 'contact.updated': 1 });
    expect(await metrics()).toEqual({ created: 3, updated: 1, unchanged: 1, rejected: 3, duplicate: 1 });
  });

  test('"what only the data can tell": external_id_taken is a rejected row, with its cells', async () => {
    const tenant = await stack.open();
    await tenant.run(csv('email,external_id', 'ada@example.com,7'));
    const row = await tenant.run(csv('first_name;email;external_id', '"B; ob";bob@example.com;7', 'Ada;ada@example.com;7'));
    expect(row).toMatchObject({ status: 'completed', counts: { created: 0, updated: 1, rejected: 1 } });
    expect(await tenant.rejects(row.import_id)).toMatchObject([
      { line: 2, column: 2, code: 'external_id_taken', cells: ['B; ob', 'bob@example.com', '7'] },
    ]);
    expect(Object.keys(await tenant.contacts())).toEqual(['ada@example.com']);
  });
});

describe('duplicates', () => {
  const file = csv(
    'email,first_name,custom_number_1',
    'ada@example.com,first,1',
    'ADA@example.com ,second,2',
    'ada@example.com,third,bad',
    'bob@example.com,only,',
  );

  test('"last": the last one that is not rejected is applied, the others count as duplicate', async () => {
    const tenant = await stack.open();
    const row = await tenant.run(file);
    expect(row.counts).toEqual({ created: 2, updated: 0, unchanged: 0, rejected: 1, duplicate: 1 });
    expect((await tenant.contacts())['ada@example.com']).toEqual({ first_name: 'second', custom_number_1: 2 });
  });

  test('"first": the first valid one is applied', async () => {
    const tenant = await stack.open();
    const row = await tenant.run(file, { duplicates: 'first' });
    expect(row.counts).toEqual({ created: 2, updated: 0, unchanged: 0, rejected: 1, duplicate: 1 });
    expect((await tenant.contacts())['ada@example.com']).toEqual({ first_name: 'first', custom_number_1: 1 });
  });

  test('a duplicate in another chunk is one, too', async () => {
    const tenant = await stack.open();
    const lines = Array.from({ length: 9_000 }, (_, n) => `p${n % 4_500}@example.com,${n}`);
    const row = await tenant.run(csv('email,first_name', ...lines));
    expect(row).toMatchObject({ records: 9_000, counts: { created: 4_500, duplicate: 4_500 } });
    const contacts = await tenant.contacts();
    expect([contacts['p0@example.com'], contacts['p4499@example.com']]).toEqual([{ first_name: '4500' }, { first_name: '8999' }]);
  });
});

describe('cells and lines', () => {
  test('"a cell that is empty = keep, unless the import says empty_cells: clear"', async () => {
    const tenant = await stack.open();
    await tenant.run(csv('email,first_name,last_name', 'ada@example.com,Ada,Love'));
    const kept = await tenant.run(csv('email,first_name,last_name', 'ada@example.com,,Lovelace'));
    expect(kept.counts.updated).toBe(1);
    expect((await tenant.contacts())['ada@example.com']).toEqual({ first_name: 'Ada', last_name: 'Lovelace' });
    await tenant.run(csv('email,first_name,last_name', 'ada@example.com,,Lovelace', ''), { empty_cells: 'clear' });
    expect((await tenant.contacts())['ada@example.com']).toEqual({ last_name: 'Lovelace' });
  });

  test('"line numbers are those of the original file, 1-based, where the record starts"', async () => {
    const tenant = await stack.open();
    const row = await tenant.run('email,first_name\r\nada@example.com,"A\r\nd\r\na"\r\n\r\nnope,"x\r\ny"\r\nalso nope,z\r\n');
    expect(row).toMatchObject({ records: 3, counts: { created: 1, rejected: 2 } });
    expect(await tenant.rejects(row.import_id)).toMatchObject([
      { line: 6, cells: ['nope', 'x\r\ny'] },
      { line: 8, cells: ['also nope', 'z'] },
    ]);
  });

  test('"an empty or header-only file: completed with 0 records"', async () => {
    const tenant = await stack.open();
    const nothing = { status: 'completed', records: 0, done: 0 };
    expect(await tenant.run('', { mapping: {} })).toMatchObject(nothing);
    expect(await tenant.run('email,first_name\n')).toMatchObject(nothing);
  });

  test('a file of rejected rows only completes without a job for any lane', async () => {
    const tenant = await stack.open();
    const row = await tenant.run(csv('email', ...Array.from({ length: 1_200 }, (_, n) => `nobody ${n}`)));
    expect(row).toMatchObject({ status: 'completed', records: 1_200, counts: { rejected: 1_200 } });
    expect(await tenant.ledgerItems()).toBe(0);
  });
});

describe('lists', () => {
  test('"membership outcomes in imports: a counter of their own"', async () => {
    const tenant = await stack.open();
    await tenant.list('news');
    await tenant.run(csv('email', 'ada@example.com', 'bob@example.com'), { listIds: ['news'] });
    await tenant.pool.query(
      "UPDATE contact_lists SET status = 'unsubscribed' FROM contacts c WHERE c.email = 'ada@example.com' AND c.contact_id = contact_lists.contact_id AND c.workspace_id = $1 AND contact_lists.workspace_id = $1",
      [tenant.id],
    );
    const row = await tenant.run(csv('email', 'ada@example.com', 'cyd@example.com'), { listIds: ['news'], force: true });
    expect(row.counts).toMatchObject({ created: 1, unchanged: 1 });
    expect(row.memberships).toEqual({ skipped_status: 1, subscribed: 1 });
  });

  test('"a list deleted meanwhile = list_gone": the profile is stored all the same', async () => {
    const tenant = await stack.open();
    const row = await tenant.run(csv('email', 'ada@example.com'), { listIds: ['gone'] });
    expect(row).toMatchObject({ status: 'completed', counts: { created: 1 }, memberships: { list_gone: 1 } });
  });
});

describe('dry_run', () => {
  test('the same report, nothing written, rejected rows kept', async () => {
    const tenant = await stack.open();
    await tenant.run(csv('email,external_id,first_name', 'ada@example.com,7,Ada'));
    const items = await tenant.ledgerItems();
    const file = csv(
      'email,external_id,first_name',
      'ada@example.com,7,Adah',
      'bob@example.com,7,Bob',
      'cyd@example.com,,C',
      'cyd@example.com,,D',
      'x,,',
    );
    const dry = await tenant.run(file, { dryRun: true });
    expect(dry).toMatchObject({ status: 'completed', dry_run: true, records: 5, done: 5 });
    expect(await tenant.refused(dry.import_id)).toEqual(['3 external_id_taken', '6 invalid_email']);
    expect(await tenant.contacts()).toEqual({ 'ada@example.com': { first_name: 'Ada' } });
    expect(await tenant.ledgerItems()).toBe(items);
    const real = await tenant.run(file);
    expect(real.counts).toEqual(dry.counts);
    expect(await tenant.refused(real.import_id)).toEqual(await tenant.refused(dry.import_id));
  });
});

describe('files', () => {
  test('a truncated file fails with file_truncated, a missing one with file_missing; nothing is applied', async () => {
    const tenant = await stack.open();
    const file = csv('email', 'ada@example.com', 'bob@example.com');
    const short = await tenant.upload(file);
    truncateSync(importFile(tenant.dir, short), 12);
    await tenant.start(short, file, { force: true });
    expect(await tenant.ended(short)).toMatchObject({ status: 'failed', error: { code: 'file_truncated' }, done: 0 });
    const gone = await tenant.upload(file);
    rmSync(importFile(tenant.dir, gone));
    await tenant.start(gone, file, { force: true });
    expect(await tenant.ended(gone)).toMatchObject({ status: 'failed', error: { code: 'file_missing' }, done: 0 });
    expect(await metrics()).toMatchObject({ file_truncated: 1, file_missing: 1 });
    expect(await tenant.contacts()).toEqual({});
  });
});

test('rejected rows are kept for 30 days', async () => {
  const tenant = await stack.open();
  const { import_id: id } = await tenant.run(csv('email', 'nobody', 'no one'));
  await tenant.pool.query("UPDATE import_rejects SET created_at = now() - interval '31 days' WHERE import_id = $1 AND line = 2", [id]);
  await until('the sweep', async () => (await tenant.rejects(id)).length === 1);
  expect(await tenant.refused(id)).toEqual(['3 invalid_email']);
});

describe('erasure', () => {
  test('"reject lines of the contact are purged"; rows accepted before the erasure do not bring it back', async () => {
    const tenant = await stack.open();
    const acceptedAt = await redisMicros(stack.pipeline.redis);
    const bad = await tenant.run(csv('email,custom_number_1', 'ada@example.com,many', 'bob@example.com,more'));
    const erasedAt = await redisMicros(stack.pipeline.redis);
    const hashKey = stack.pipeline.stack.env.MUSTER_HASH_KEY ?? '';
    await eraseContact(tenant.pool, tenant.id, { email: 'ada@example.com' }, erasedAt, hashKey);
    expect(await tenant.rejects(bad.import_id)).toMatchObject([{ cells: ['bob@example.com', 'more'] }]);
    // Started before the erasure, read after it.
    const file = csv('email,custom_number_1', 'ada@example.com,x', 'ada@example.com,1', 'bob@example.com,2');
    const row = await tenant.run(file, { acceptedAt });
    expect(row).toMatchObject({ status: 'completed', counts: { created: 1, rejected: 2 } });
    expect(await tenant.rejects(row.import_id)).toMatchObject([
      { line: 2, code: 'invalid_number', cells: [] },
      { line: 3, code: 'erased', cells: [] },
    ]);
    expect(Object.keys(await tenant.contacts())).toEqual(['bob@example.com']);
    const later = await tenant.run(csv('email', 'ada@example.com'));
    expect(later.counts.created).toBe(1);
  });
});

describe('ClickHouse is far behind', () => {
  test('an import that is started waits, and goes on by itself', async () => {
    importer = await stack.open();
    await importer.pool.query(
      `INSERT INTO job_ledger (chunk_id, workspace_id, source, accepted_at, items, events_pending)
       SELECT 'behind-' || n, 0, 'timeline', 0, 0, true FROM generate_series(1, 1000) AS n`,
    );
    const id = await importer.begin(csv('email', 'ada@example.com'));
    await until('the scan', async () => (await importer.get(id)).records === 1);
    await sleep(2_000);
    expect(await importer.get(id)).toMatchObject({ status: 'running', done: 0 });
    expect(await importer.contacts()).toEqual({});
    await importer.pool.query(`DELETE FROM job_ledger WHERE chunk_id LIKE 'behind-%'`);
    expect(await importer.ended(id)).toMatchObject({ status: 'completed', counts: { created: 1 } });
  });
});
