/** SPEC §1: "Delete = erasure". What was accepted before it never comes back, and every store is purged. */

import { randomUUID } from 'node:crypto';
import { findCustomEvent } from '@muster/clickhouse';
import { countVerdicts, eraseContact, findErasure, foldLedger, insertLedger, readBalance } from '@muster/postgres';
import { redisMicros } from '@muster/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contactByEmail, delivered, type Pipeline, patch, startPipeline } from '../support/pipeline.ts';
import {
  applyCustom,
  applyEvents,
  applyProfiles,
  chRows,
  codes,
  kinds,
  maintain,
  makeList,
  mirrorOf,
  type ProfileOp,
  rejectionsWith,
} from './helpers.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline({ env: { MUSTER_SWEEP_SECONDS: '3600', MUSTER_ERASURE_SETTLE_SECONDS: '1' } });
  await makeList(p, 'news');
}, 120_000);
afterAll(() => p?.close());

const upsert = (email: string, externalId?: string, fields = {}): ProfileOp => ({
  op: 'upsert',
  patch: patch(email, fields, externalId === undefined ? {} : { external_id: externalId }),
  list_ids: ['news'],
});
const idOf = async (email: string): Promise<number> => (await contactByEmail(p, email))?.contact_id ?? 0;
const hashKey = () => p.stack.env.MUSTER_HASH_KEY ?? '';
const erase = async (email: string) => {
  const at = await redisMicros(p.redis);
  const erasure = await eraseContact(p.pool, p.workspaceId, { email }, at, hashKey());
  if (!erasure) throw new Error('not erased');
  return { ...erasure, at };
};
const custom = (externalId: string, email: string, n = 0) => ({ event_name: 'order', external_id: externalId, email, properties: { n } });
const TABLES = ['timeline_by_contact', 'timeline_by_kind', 'custom_events', 'custom_events_by_contact', 'contact_lists', 'contacts'];
/** Rows of a contact per ClickHouse table, also superseded ones, tombstones left out. */
const left = async (contactId: number) => {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const live = table === 'contacts' ? ' AND is_deleted = 0' : '';
    const query = `SELECT count() AS n FROM ${table} WHERE workspace_id = {ws:UInt32} AND contact_id = {id:UInt32}${live}`;
    const [row] = await chRows<{ n: string }>(p, query, { id: contactId });
    if (Number(row?.n) > 0) counts[table] = Number(row?.n);
  }
  return counts;
};
const status = async (erasureId: string) => (await findErasure(p.pool, p.workspaceId, erasureId))?.status;

describe('"items accepted before the erasure do not bring it back"', () => {
  test('accepted before: erased, on every path; accepted after: a new contact with a new id', async () => {
    await applyProfiles(p, [upsert('a@x.io', 'A')]);
    const old = await idOf('a@x.io');
    const { at } = await erase('a@x.io');
    const before = await readBalance(p.pool, p.workspaceId);
    const early = { acc: at };
    const ops: ProfileOp[] = [
      upsert('a@x.io'),
      { op: 'upsert', patch: patch('a2@x.io', {}, { external_id: 'A' }), identify_by: 'external_id' },
      { op: 'membership', contact_id: old, list_ids: ['news'], decision: { type: 'set', status: 'active' } },
      { op: 'change_email', email: 'a@x.io', new_email: 'a3@x.io' },
      upsert('neighbour@x.io'),
    ];
    expect(codes(await applyProfiles(p, ops, early))).toBe('eeeec');
    expect(
      codes(
        await applyEvents(
          p,
          [
            { kind: 'open_email', email: 'a@x.io' },
            { kind: 'open_email', external_id: 'A' },
          ],
          early,
        ),
      ),
    ).toBe('ee');
    const { email: _, ...byId } = { ...custom('o', ''), contact_external_id: 'A' };
    expect(codes(await applyCustom(p, [custom('o', 'a@x.io'), byId], early))).toBe('ee');
    expect(await contactByEmail(p, 'a@x.io')).toBeNull();
    const after = await readBalance(p.pool, p.workspaceId);
    expect([after.erased - before.erased, after.accepted - before.accepted]).toEqual([8, 9]);

    expect(codes(await applyProfiles(p, [upsert('a@x.io', 'A')], { acc: at + 1 }))).toBe('c');
    const fresh = await idOf('a@x.io');
    expect(fresh).toBeGreaterThan(0);
    expect(fresh).not.toBe(old);
    expect(codes(await applyEvents(p, [{ kind: 'open_email', external_id: 'A' }]))).toBe('s');
    expect(codes(await applyProfiles(p, [{ op: 'membership', contact_id: old, decision: { type: 'remove' } }]))).toBe('e');
    expect(await kinds(p, fresh)).toEqual(['contact.created', 'list.subscribed', 'open_email']);
  });

  test('an address without a contact is remembered, too: its upsert may still wait in a lane', async () => {
    const { at, contactId } = await erase('waiting@x.io');
    expect(contactId).toBeNull();
    expect(codes(await applyProfiles(p, [upsert('waiting@x.io')], { acc: at - 1 }))).toBe('e');
    expect(codes(await applyProfiles(p, [upsert('waiting@x.io')]))).toBe('c');
  });
});

describe('"purged from every store"', () => {
  test('profile, memberships, timeline, events, rejections and parked items go; the mirror keeps a tombstone and never resurrects', async () => {
    await applyProfiles(p, [upsert('other@x.io', 'TAKEN')]);
    await applyProfiles(p, [upsert('b@x.io', 'B', { first_name: 'Bea' }), upsert('b@x.io', 'TAKEN')], { root: 'purge' });
    await applyEvents(p, [
      { kind: 'complain_email', email: 'b@x.io' },
      { kind: 'open_email', external_id: 'B', properties: { p: 'Bea' } },
    ]);
    await applyCustom(p, [custom('b1', 'b@x.io'), custom('b2', 'b@x.io')]);
    const id = await idOf('b@x.io');
    expect(Object.keys(await left(id)).sort()).toEqual([...TABLES].sort());
    expect(await rejectionsWith(p, 'purge')).toHaveLength(1);
    const { erasureId } = await erase('b@x.io');
    for (const table of ['contacts', 'contact_lists', 'custom_event_heads']) {
      const { rows } = await p.pool.query(`SELECT 1 FROM ${table} WHERE contact_id = $1`, [id]);
      expect(rows, table).toHaveLength(0);
    }
    expect(await rejectionsWith(p, 'purge')).toHaveLength(0);
    await maintain(p, 'erasures');
    expect(await left(id)).toEqual({});
    expect(await mirrorOf(p, id)).toBeNull();
    const copy = {
      workspace_id: p.workspaceId,
      contact_id: id,
      email: 'b@x.io',
      created_at: '2024-01-01 00:00:00.000',
      version: 900,
      is_deleted: 0,
    };
    await p.clickhouse.insert({ table: 'contacts', values: [copy], format: 'JSONEachRow' });
    expect(await mirrorOf(p, id)).toBeNull();
    expect(await status(erasureId)).toBe('erasing');
    await maintain(p, 'erasures');
    expect(await left(id)).toEqual({});
    const [tombstone] = await chRows<{ email: string }>(p, 'SELECT email FROM contacts WHERE contact_id = {id:UInt32}', { id });
    expect(tombstone).toEqual({ email: '' });
    expect(await idOf('other@x.io')).toBeGreaterThan(0);
  });

  test('"erased" only once ClickHouse is clean, the nightly compaction ran, and it is older than any job', async () => {
    await applyProfiles(p, [upsert('c@x.io')]);
    const { erasureId } = await erase('c@x.io');
    await maintain(p, 'nightly');
    expect(await status(erasureId)).toBe('erasing');
    await maintain(p, 'erasures');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await maintain(p, 'erasures');
    expect(await status(erasureId)).toBe('erasing');
    await maintain(p, 'nightly');
    expect(await status(erasureId)).toBe('erased');
    // Still honoured.
    expect(codes(await applyProfiles(p, [upsert('c@x.io')], { acc: 1 + (await redisMicros(p.redis)) - 60_000_000 }))).toBe('e');
  });

  test('rows that arrive after the first sweep (a job in flight) are found by the next', async () => {
    await applyProfiles(p, [upsert('late@x.io')]);
    const id = await idOf('late@x.io');
    await erase('late@x.io');
    await maintain(p, 'erasures');
    const row = { workspace_id: p.workspaceId, contact_id: id, kind: 'open_email', occurred_at: '2024-01-01 00:00:00.000', id: 'zombie' };
    for (const table of ['timeline_by_contact', 'timeline_by_kind'])
      await p.clickhouse.insert({ table, values: [row], format: 'JSONEachRow' });
    await maintain(p, 'erasures');
    expect(await left(id)).toEqual({});
  });

  test('rejections of items that named the contact by external_id alone go with it', async () => {
    await applyEvents(p, [{ kind: 'open_email', external_id: 'RJ', properties: { name: 'Rea' } }], { root: 'rej-by-id' });
    await p.pool.query("UPDATE parked_items SET parked_at = now() - interval '31 days' WHERE external_id = 'RJ'");
    await maintain(p, 'sweep');
    expect(await rejectionsWith(p, 'rej-by-id')).toHaveLength(1);
    await applyProfiles(p, [upsert('rj@x.io', 'RJ')]);
    await erase('rj@x.io');
    expect(await rejectionsWith(p, 'rej-by-id')).toHaveLength(0);
  });
});

describe('custom events of erased contacts', () => {
  const stored = (key: string) => findCustomEvent(p.clickhouse, p.workspaceId, 'order', key);

  test('the same key sent again for somebody else at once is theirs, before and after the sweep', async () => {
    for (let n = 0; n < 5; n += 1) await applyCustom(p, [custom('again', 'd@x.io', n)]);
    await erase('d@x.io');
    await applyCustom(p, [custom('again', 'd2@x.io', 100)]);
    const owner = await idOf('d2@x.io');
    expect(await stored('again')).toMatchObject({ contact_id: owner, properties: { n: 100 } });
    // A merge of the table's parts keeps the highest version only.
    await p.clickhouse.command({ query: 'OPTIMIZE TABLE custom_events FINAL' });
    await maintain(p, 'erasures');
    expect(await stored('again')).toMatchObject({ contact_id: owner, properties: { n: 100 } });
  });

  test('one that had moved to the erased contact does not fall back to its earlier owner', async () => {
    // Superseded rows stay until the parts are merged, which may take days.
    await p.clickhouse.command({ query: 'SYSTEM STOP MERGES custom_events' });
    await applyCustom(p, [custom('moved', 'e1@x.io', 1)]);
    await applyCustom(p, [custom('moved', 'e2@x.io', 2)]);
    await applyCustom(p, [custom('kept', 'e2@x.io', 1)]);
    await applyCustom(p, [custom('kept', 'e1@x.io', 2)]);
    expect(await chRows(p, "SELECT version FROM custom_events WHERE external_id = 'moved'")).toHaveLength(2);
    await erase('e2@x.io');
    // Mutations wait for merges to be allowed again.
    await p.clickhouse.command({ query: 'SYSTEM START MERGES custom_events' });
    await maintain(p, 'erasures');
    expect(await stored('moved')).toBeNull();
    expect(await stored('kept')).toMatchObject({ contact_id: await idOf('e1@x.io'), properties: { n: 2 } });
    const keys = await chRows<{ external_id: string }>(
      p,
      'SELECT external_id FROM custom_events_by_contact FINAL WHERE contact_id = {id:UInt32}',
      { id: await idOf('e1@x.io') },
    );
    expect(keys.map((k) => k.external_id)).toEqual(['kept']);
  });
});

describe('a custom event on its way when its contact is erased', () => {
  test('its earlier owner does not keep it', async () => {
    await applyCustom(p, [custom('onway', 'f1@x.io', 1), custom('onway2', 'f2@x.io', 1)]);
    const [from, to] = [await idOf('f1@x.io'), await idOf('f2@x.io')];
    const at = await redisMicros(p.redis);
    const moved = { e: custom('onway', 'f2@x.io', 2), c: to, t: new Date(at / 1_000).toISOString(), acc: at, o: 32, v: at, from: [from] };
    await erase('f2@x.io');
    const id = `e0-${randomUUID()}`;
    await insertLedger(p.pool, {
      ...{ chunkId: id, workspaceId: p.workspaceId, source: 'custom_event', acceptedAt: at, items: 0, counts: countVerdicts([]) },
      ...{ verdicts: [], outbox: JSON.stringify({ custom: [moved] }), eventsPending: false, leaseSeconds: 0, replyTo: null, followUps: [] },
    });
    await delivered(p, [id]);
    await maintain(p, 'erasures');
    expect(await findCustomEvent(p.clickhouse, p.workspaceId, 'order', 'onway')).toBeNull();
    for (const table of ['custom_events', 'custom_events_by_contact'])
      expect(await chRows(p, `SELECT 1 FROM ${table} FINAL WHERE external_id = 'onway'`), table).toHaveLength(0);
    expect(await left(to)).toEqual({});
  });
});

test('folding old ledger rows keeps the balance, term by term', async () => {
  const before = await readBalance(p.pool, p.workspaceId);
  await p.pool.query("UPDATE job_ledger SET applied_at = now() - interval '31 days' WHERE seq % 2 = 0");
  await maintain(p, 'sweep');
  const { rows } = await p.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM ledger_totals WHERE workspace_id = $1', [
    p.workspaceId,
  ]);
  expect(rows[0]?.n).toBeGreaterThan(0);
  expect(await readBalance(p.pool, p.workspaceId)).toEqual(before);
  await p.pool.query("UPDATE job_ledger SET applied_at = now() - interval '31 days'");
  await Promise.all([1, 2, 3].map(() => foldLedger(p.pool, 30, 10)));
  expect(await readBalance(p.pool, p.workspaceId)).toEqual(before);
});
