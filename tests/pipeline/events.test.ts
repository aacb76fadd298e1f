/** SPEC §3: activity events. Ids count once, unknown external ids are parked, nothing is dropped silently. */
import { readBalance } from '@muster/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contactByEmail, delivered, entriesOf, type Pipeline, patch, startPipeline, until } from '../support/pipeline.ts';
import {
  addChunk,
  applyCustom,
  applyEvents,
  applyProfiles,
  chRows,
  codes,
  type EventOf,
  history,
  kinds,
  maintain,
  makeList,
  type ProfileOp,
  rejectionsWith,
  statusOf,
} from './helpers.ts';

let p: Pipeline;
let otherWorkspace = 0;
beforeAll(async () => {
  p = await startPipeline({ env: { MUSTER_SWEEP_SECONDS: '3600' } });
  const { rows } = await p.pool.query<{ workspace_id: number }>("INSERT INTO workspaces (name) VALUES ('other') RETURNING workspace_id");
  otherWorkspace = rows[0]?.workspace_id ?? 0;
  await makeList(p, 'news');
}, 120_000);
afterAll(() => p?.close());

type ActivityEvent = EventOf<'timeline'>;
const upsert = (email: string, externalId?: string): ProfileOp => ({
  op: 'upsert',
  patch: patch(email, {}, externalId === undefined ? {} : { external_id: externalId }),
});
const idOf = async (email: string): Promise<number> => (await contactByEmail(p, email))?.contact_id ?? 0;
const open = (more: Partial<ActivityEvent>): ActivityEvent => ({ kind: 'open_email', ...more });
const timelineChunk = (events: readonly ActivityEvent[], o: { root?: string; idem?: boolean; ws?: number } = {}) =>
  addChunk(
    p,
    { kind: 'timeline' },
    events.map((event) => ({ event })),
    o,
  );
const parkedFor = async (externalId: string): Promise<number> => {
  const { rows } = await p.pool.query('SELECT 1 FROM parked_items WHERE external_id = $1', [externalId]);
  return rows.length;
};
/** Balance of the workspace; its terms must add up to what was accepted. */
const balance = async () => {
  const { accepted, ...terms } = await readBalance(p.pool, p.workspaceId);
  expect(Object.values(terms).reduce((a, b) => a + b, 0)).toBe(accepted);
  return { accepted, ...terms };
};

describe('storing', () => {
  test('"An event for an unknown email creates that contact": contact.created stands before the event; all fields are stored', async () => {
    const event = open({
      id: 'st-1',
      email: 'st@x.io',
      occurred_at: '1969-12-31T23:59:58.007Z',
      message_id: 'm',
      template_id: 't',
      campaign_id: 'c',
      link_url: 'https://x.io/?q=\'"\\',
      properties: { deep: { n: 0.1, s: '\n' } },
    });
    await applyEvents(p, [open({ email: 'st@x.io' }), event]);
    const id = await idOf('st@x.io');
    expect(await kinds(p, id)).toEqual(['contact.created', 'open_email', 'open_email']);
    const [row] = await chRows<Record<string, unknown>>(p, "SELECT * FROM timeline_by_contact FINAL WHERE id = 'st-1'");
    expect(row).toMatchObject({
      occurred_at: '1969-12-31 23:59:58.007',
      entity_type: 'message',
      entity_id: 'm',
      template_id: 't',
      campaign_id: 'c',
      link_url: event.link_url,
      properties: JSON.stringify(event.properties),
    });
    const defaulted = (await entriesOf(p, id)).find((e) => e.kind === 'open_email' && e.id !== 'st-1');
    const contact = await contactByEmail(p, 'st@x.io');
    expect(defaulted?.occurred_at).toBe(contact?.created_at.replace('T', ' ').replace('Z', ''));
  });

  test('"ties by the order of recording": entries of one request keep their order within one millisecond', async () => {
    const at = '2024-01-01T00:00:00.000Z';
    await applyEvents(
      p,
      Array.from({ length: 20 }, (_, n) => open({ email: 'ties@x.io', id: `tie-${19 - n}`, occurred_at: at })),
    );
    const rows = await chRows<{ id: string }>(
      p,
      `SELECT id FROM timeline_by_contact FINAL WHERE contact_id = {id:UInt32} AND kind = 'open_email' ORDER BY occurred_at, recorded_at, ord`,
      { id: await idOf('ties@x.io') },
    );
    expect(rows.map((r) => r.id)).toEqual(Array.from({ length: 20 }, (_, n) => `tie-${19 - n}`));
  });
});

describe('"The same id in the same workspace counts once"', () => {
  test('within one chunk and over chunks: "The first one wins", whatever the second says', async () => {
    const first = open({ id: 'dup', email: 'dup@x.io', properties: { n: 1 } });
    const other: ActivityEvent = { kind: 'click_email', id: 'dup', email: 'dup-other@x.io', properties: { n: 2 } };
    expect(codes(await applyEvents(p, [first, other, open({ email: 'dup@x.io' })]))).toBe('sds');
    expect(codes(await applyEvents(p, [other, first]))).toBe('dd');
    expect(await contactByEmail(p, 'dup-other@x.io')).toBeNull();
    const rows = await chRows<{ properties: string }>(p, "SELECT properties FROM timeline_by_kind FINAL WHERE id = 'dup'");
    expect(rows).toEqual([{ properties: '{"n":1}' }]);
  });

  test('"also when sent to two API processes at once": four copies of one batch under different chunk ids', async () => {
    const events = Array.from({ length: 200 }, (_, n) => open({ id: `conc-${n}`, email: `conc${n % 20}@x.io` }));
    const rows = await delivered(p, await Promise.all([0, 1, 2, 3].map(() => timelineChunk(events))));
    const stored = rows.flatMap((r) => r.verdicts).filter((v) => v.v === 's');
    expect(stored).toHaveLength(200);
    const [count] = await chRows<{ n: string; ids: string }>(
      p,
      "SELECT count() AS n, uniqExact(id) AS ids FROM timeline_by_contact FINAL WHERE startsWith(id, 'conc-')",
    );
    expect([Number(count?.n), Number(count?.ids)]).toEqual([200, 200]);
  });

  test('the same id in another workspace counts there', async () => {
    await applyEvents(p, [open({ id: 'both', email: 'both@x.io' })]);
    const [row] = await delivered(p, [await timelineChunk([open({ id: 'both', email: 'both@x.io' })], { ws: otherWorkspace })]);
    expect(codes(row)).toBe('s');
    const rows = await chRows<{ workspace_id: number }>(p, "SELECT workspace_id FROM timeline_by_kind FINAL WHERE id = 'both' ORDER BY 1");
    expect(rows.map((r) => r.workspace_id)).toEqual([p.workspaceId, otherWorkspace]);
  });

  test('"No id = every acknowledged item counts", equal as they may be; with an Idempotency-Key a repeat does not', async () => {
    const same = open({ email: 'noid@x.io', occurred_at: '2024-05-05T05:05:05.000Z' });
    expect(codes(await applyEvents(p, [same, same]))).toBe('ss');
    expect(codes(await applyEvents(p, [same]))).toBe('s');
    const root = 'idem-events';
    expect(codes(await applyEvents(p, [same, open({ email: 'noid@x.io', id: 'noid-1' })], { root, idem: true }))).toBe('ss');
    const copies = await Promise.all(
      [0, 1].map(() => timelineChunk([same, open({ email: 'noid@x.io', id: 'noid-1' })], { root, idem: true })),
    );
    expect((await delivered(p, copies)).map(codes)).toEqual(['dd', 'dd']);
    expect((await kinds(p, await idOf('noid@x.io'))).filter((k) => k === 'open_email')).toHaveLength(5);
  });

  test('a repeat whose claim is long forgotten makes no second entry: same kind, contact and occurred_at', async () => {
    const event = open({ id: 'late', email: 'late@x.io', occurred_at: '2020-01-01T00:00:00.000Z', properties: { first: true } });
    await applyEvents(p, [event]);
    for (const key of await p.redis.keys(`claims:{${p.workspaceId}}:*`)) await p.redis.del(key);
    expect(codes(await applyEvents(p, [{ ...event, properties: { first: false } }]))).toBe('s');
    for (const table of ['timeline_by_contact', 'timeline_by_kind'])
      expect(await chRows(p, `SELECT properties FROM ${table} FINAL WHERE id = 'late'`)).toEqual([{ properties: '{"first":true}' }]);
  });
});

describe('"An event with only an unknown external_id is parked and delivered when a contact gets that id"', () => {
  test('parked, claimed, then delivered with its own time, its side effect and its place in the balance', async () => {
    await applyProfiles(p, [{ ...upsert('park@x.io'), list_ids: ['news'] } as ProfileOp]);
    const before = await balance();
    const events = [
      open({ id: 'pk-1', external_id: 'PK', occurred_at: '2024-02-02T00:00:00.000Z' }),
      open({ external_id: 'PK' }),
      { kind: 'complain_email' as const, id: 'pk-2', external_id: 'PK' },
    ];
    const row = await applyEvents(p, events);
    expect(codes(row)).toBe('kkk');
    expect(codes(await applyEvents(p, events.slice(0, 1)))).toBe('d');
    expect((await balance()).parked - before.parked).toBe(3);
    await applyProfiles(p, [upsert('park@x.io', 'PK')]);
    const id = await idOf('park@x.io');
    await until('parked events', async () => (await kinds(p, id)).includes('complain_email'));
    await until('side effect', async () => (await statusOf(p, id, 'news')) === 'complained');
    const entries = await entriesOf(p, id);
    expect(entries.filter((e) => e.kind === 'open_email')).toHaveLength(2);
    expect(entries.find((e) => e.id === 'pk-1')?.occurred_at).toBe('2024-02-02 00:00:00.000');
    expect(await parkedFor('PK')).toBe(0);
    const after = await balance();
    expect([after.parked, after.applied - before.applied, after.duplicate - before.duplicate]).toEqual([before.parked, 4, 1]);
    expect(codes(await applyEvents(p, events.slice(0, 1)))).toBe('d');
  });

  test.each([
    ['created', (): ProfileOp[] => [upsert('pc@x.io', 'P-created')]],
    ['identified', (): ProfileOp[] => [{ ...upsert('pi@x.io', 'P-identified'), identify_by: 'external_id' } as ProfileOp]],
    ['swapped to', (): ProfileOp[] => [upsert('ps1@x.io', 'tmp-id'), upsert('ps2@x.io'), upsert('ps2@x.io', 'P-swapped to')]],
  ])('a contact that is %s with the id gets what waited, 600 items in order', async (how, ops) => {
    const externalId = `P-${how}`;
    const at = '2024-03-03T03:03:03.000Z';
    const events = Array.from({ length: 600 }, (_, n) => open({ external_id: externalId, id: `${how}-${n}`, occurred_at: at }));
    await applyEvents(p, events);
    await applyProfiles(p, ops());
    await until('all parked events', async () => {
      const [row] = await chRows<{ n: string }>(p, 'SELECT count() AS n FROM timeline_by_contact FINAL WHERE startsWith(id, {s:String})', {
        s: `${how}-`,
      });
      return Number(row?.n) === 600;
    });
    const rows = await chRows<{ id: string }>(
      p,
      'SELECT id FROM timeline_by_contact FINAL WHERE startsWith(id, {s:String}) ORDER BY occurred_at, recorded_at, ord',
      { s: `${how}-` },
    );
    expect(rows.map((r) => r.id)).toEqual(events.map((e) => e.id));
  });

  test('parking and setting the id at the same moment never miss each other', async () => {
    const rounds = Array.from({ length: 40 }, (_, n) => n);
    await Promise.all(
      rounds.flatMap((n) => [
        timelineChunk([open({ external_id: `RACE${n}`, id: `race-${n}` })]),
        addChunk(p, { kind: 'profile', lane: n % 8 }, [upsert(`prace${n}@x.io`, `RACE${n}`)]),
      ]),
    );
    await until('every event, without a sweep', async () => {
      const [row] = await chRows<{ n: string }>(p, "SELECT count() AS n FROM timeline_by_contact FINAL WHERE startsWith(id, 'race-')");
      return Number(row?.n) === 40;
    });
    expect(await chRows(p, "SELECT id FROM timeline_by_kind FINAL WHERE startsWith(id, 'race-')")).toHaveLength(40);
    await balance();
  });

  test('custom events by contact_external_id wait, too, and come in through their lane', async () => {
    const before = await balance();
    const event = { event_name: 'bought', external_id: 'order-1', contact_external_id: 'CX', goal_value: '5' };
    expect(codes(await applyCustom(p, [event, { ...event, goal_value: '7' }, { ...event, external_id: 'order-2' }]))).toBe('kkk');
    await applyProfiles(p, [upsert('cx@x.io', 'CX')]);
    const id = await idOf('cx@x.io');
    const rows = await until('both events', async () => {
      const found = await chRows<{ external_id: string; goal_value: string }>(
        p,
        'SELECT external_id, toString(goal_value) AS goal_value FROM custom_events_by_contact FINAL WHERE contact_id = {id:UInt32} ORDER BY external_id',
        { id },
      );
      return found.length === 2 ? found : null;
    });
    expect(rows).toEqual([
      { external_id: 'order-1', goal_value: '7' },
      { external_id: 'order-2', goal_value: '5' },
    ]);
    const after = await until('the balance', async () => {
      const b = await balance();
      return b.parked === before.parked ? b : null;
    });
    expect(after.applied - before.applied).toBe(4);
  });
});

describe('"after 30 days it becomes a rejection unknown_external_id; never dropped silently"', () => {
  test('listed, counted out of parked, and the ids are free again', async () => {
    const root = 'expiring';
    const before = await balance();
    await applyEvents(p, [open({ id: 'ex-1', external_id: 'EX' }), open({ external_id: 'EX' })], { root, idem: true });
    await applyCustom(p, [{ event_name: 'ex', external_id: 'ex-3', contact_external_id: 'EX' }], { root, from: 2, idem: true });
    await p.pool.query("UPDATE parked_items SET parked_at = now() - interval '29 days 23 hours' WHERE external_id = 'EX'");
    await maintain(p, 'sweep');
    expect(await parkedFor('EX')).toBe(3);
    await p.pool.query("UPDATE parked_items SET parked_at = now() - interval '30 days 1 minute' WHERE external_id = 'EX'");
    await maintain(p, 'sweep');
    await maintain(p, 'sweep');
    expect(await parkedFor('EX')).toBe(0);
    expect(await rejectionsWith(p, root)).toEqual(
      [0, 1, 2].map((n) => ({
        item_id: `${root}:${n}`,
        code: 'unknown_external_id',
        field: 'external_id',
        source: n < 2 ? 'timeline' : 'custom_event',
      })),
    );
    const after = await balance();
    expect([after.parked - before.parked, after.rejected - before.rejected, after.accepted - before.accepted]).toEqual([0, 3, 3]);
    await applyProfiles(p, [upsert('ex@x.io', 'EX')]);
    expect(await history(p, await idOf('ex@x.io'))).toHaveLength(1);
    expect(codes(await applyEvents(p, [open({ id: 'ex-1', external_id: 'EX' })]))).toBe('s');
  });
});
