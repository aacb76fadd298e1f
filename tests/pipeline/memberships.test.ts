/** SPEC §2 and §8: memberships, what events do to them, and lists that are deleted. */
import { createList, hideList } from '@muster/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contactByEmail, delivered, type Pipeline, patch, sendProfiles, startPipeline, until } from '../support/pipeline.ts';
import {
  addChunk,
  applyEvents,
  applyProfiles,
  codes,
  type EventOf,
  history,
  kinds,
  maintain,
  makeList,
  membershipOf,
  type ProfileOp,
  rejectionsWith,
  statusOf,
} from './helpers.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline({ env: { MUSTER_SWEEP_SECONDS: '3600' } });
  await makeList(p, 'news');
  await makeList(p, 'tips');
  await makeList(p, 'club', true);
}, 120_000);
afterAll(() => p?.close());

type Status = 'active' | 'pending' | 'unsubscribed' | 'bounced' | 'complained';
const upsert = (email: string, lists: string[] = [], more: { confirmed?: boolean; fields?: Record<string, string> } = {}): ProfileOp => ({
  op: 'upsert',
  patch: patch(email, more.fields ?? {}),
  list_ids: lists,
  ...(more.confirmed === undefined ? {} : { confirmed: more.confirmed }),
});
const set = (email: string, list: string, status: Status): ProfileOp => ({
  op: 'membership',
  email,
  list_ids: [list],
  decision: { type: 'set', status },
});
const remove = (email: string, list: string): ProfileOp => ({ op: 'membership', email, list_ids: [list], decision: { type: 'remove' } });
const idOf = async (email: string): Promise<number> => (await contactByEmail(p, email))?.contact_id ?? 0;
const status = async (email: string, list: string) => statusOf(p, await idOf(email), list);
const listEntries = async (email: string) => (await kinds(p, await idOf(email))).filter((k) => k.startsWith('list.'));

describe('subscribing', () => {
  test('"active (or pending where the list is double opt-in and the call does not say confirmed: true)"', async () => {
    const row = await applyProfiles(p, [upsert('a@x.io', ['news', 'club']), upsert('b@x.io', ['club'], { confirmed: true })]);
    expect(row.verdicts.map((v) => v.m)).toEqual([{ news: 'subscribed', club: 'pending' }, { club: 'subscribed' }]);
    expect([await status('a@x.io', 'news'), await status('a@x.io', 'club'), await status('b@x.io', 'club')]).toEqual([
      'active',
      'pending',
      'active',
    ]);
    expect(await listEntries('a@x.io')).toEqual(['list.subscribed', 'list.pending']);
  });

  test('§8: "subscribe a pending with confirmed: true: active, list.confirmed"; without it the pending stays', async () => {
    await applyProfiles(p, [upsert('c@x.io', ['club'])]);
    const row = await applyProfiles(p, [upsert('c@x.io', ['club']), upsert('c@x.io', ['club'], { confirmed: true })]);
    expect(row.verdicts.map((v) => [v.v, v.m])).toEqual([
      ['n', { club: 'unchanged' }],
      ['n', { club: 'confirmed' }],
    ]);
    expect(await status('c@x.io', 'club')).toBe('active');
    expect((await history(p, await idOf('c@x.io'))).at(-1)).toEqual({
      kind: 'list.confirmed',
      changes: { status: { old: 'pending', new: 'active' } },
    });
  });

  test('"unchanged … memberships asked for in the same call are still applied"; the profile\'s updated_at stays', async () => {
    await applyProfiles(p, [upsert('d@x.io', [], { fields: { first_name: 'D' } })]);
    const before = await contactByEmail(p, 'd@x.io');
    expect(codes(await applyProfiles(p, [upsert('d@x.io', ['news'], { fields: { first_name: 'D' } })]))).toBe('n');
    expect(await status('d@x.io', 'news')).toBe('active');
    expect(await contactByEmail(p, 'd@x.io')).toEqual(before);
    expect(await kinds(p, before?.contact_id ?? 0)).toEqual(['contact.created', 'list.subscribed']);
  });

  test.each(['unsubscribed', 'bounced', 'complained'] as const)('"never revives" %s: skipped_status, no entry', async (state) => {
    const email = `skip-${state}@x.io`;
    await applyProfiles(p, [upsert(email), set(email, 'news', state)]);
    const row = await applyProfiles(p, [upsert(email, ['news'], { confirmed: true })]);
    expect(row.verdicts).toMatchObject([{ v: 'n', m: { news: 'skipped_status' } }]);
    expect(await status(email, 'news')).toBe(state);
    expect(await listEntries(email)).toEqual([`list.${state}`]);
  });

  test('"updateStatus may set any status"; from unsubscribed to active is list.resubscribed, the same again is no entry', async () => {
    await applyProfiles(p, [upsert('e@x.io', ['news'])]);
    const steps: Status[] = ['unsubscribed', 'active', 'active', 'complained', 'pending', 'active', 'bounced', 'active'];
    expect(
      codes(
        await applyProfiles(
          p,
          steps.map((s) => set('e@x.io', 'news', s)),
        ),
      ),
    ).toBe('uunuuuuu');
    expect(await listEntries('e@x.io')).toEqual([
      'list.subscribed',
      ...[
        'list.unsubscribed',
        'list.resubscribed',
        'list.complained',
        'list.pending',
        'list.confirmed',
        'list.bounced',
        'list.resubscribed',
      ],
    ]);
    expect(await status('e@x.io', 'news')).toBe('active');
  });

  test('"a removed membership counts as no membership everywhere": subscribing again is a new one', async () => {
    await applyProfiles(p, [upsert('f@x.io', ['news']), set('f@x.io', 'news', 'unsubscribed')]);
    const first = await membershipOf(p, await idOf('f@x.io'), 'news');
    expect(codes(await applyProfiles(p, [remove('f@x.io', 'news'), remove('f@x.io', 'news')]))).toBe('un');
    expect(await status('f@x.io', 'news')).toBeNull();
    expect((await applyProfiles(p, [upsert('f@x.io', ['news'])])).verdicts).toMatchObject([{ m: { news: 'subscribed' } }]);
    const again = await membershipOf(p, await idOf('f@x.io'), 'news');
    expect(again?.status).toBe('active');
    expect(Date.parse(again?.created_at ?? '')).toBeGreaterThan(Date.parse(first?.created_at ?? ''));
    expect(await listEntries('f@x.io')).toEqual(['list.subscribed', 'list.unsubscribed', 'list.removed', 'list.subscribed']);
  });
});

const event = (kind: EventOf<'timeline'>['kind'], email: string, more: Partial<EventOf<'timeline'>> = {}): EventOf<'timeline'> => ({
  kind,
  email,
  ...more,
});
const permanent = { properties: { bounce_type: 'permanent' } };

describe('side effects of events', () => {
  test('"complain_email, and bounce_email with bounce_type permanent, set the active and pending memberships"; others stay', async () => {
    for (const who of ['g', 'h'])
      await applyProfiles(p, [upsert(`${who}@x.io`, ['news', 'club']), set(`${who}@x.io`, 'tips', 'unsubscribed')]);
    await applyEvents(p, [event('bounce_email', 'g@x.io', permanent), event('complain_email', 'h@x.io')]);
    for (const [who, to] of [
      ['g', 'bounced'],
      ['h', 'complained'],
    ] as const)
      expect([await status(`${who}@x.io`, 'news'), await status(`${who}@x.io`, 'club'), await status(`${who}@x.io`, 'tips')]).toEqual([
        to,
        to,
        'unsubscribed',
      ]);
    expect(await listEntries('g@x.io')).toEqual([
      ...['list.subscribed', 'list.pending', 'list.unsubscribed', 'list.bounced', 'list.bounced'],
    ]);
  });

  test('a bounce that is not permanent, opens and clicks change no membership and no contact', async () => {
    await applyProfiles(p, [upsert('i@x.io', ['news'])]);
    const soft = { properties: { bounce_type: 'transient' } };
    const row = await applyEvents(p, [
      event('bounce_email', 'i@x.io', soft),
      event('bounce_email', 'i@x.io'),
      event('open_email', 'i@x.io'),
    ]);
    expect([codes(row), row.followUps]).toEqual(['sss', []]);
    expect(await status('i@x.io', 'news')).toBe('active');
  });

  test('§8 unsubscribe_email: "without list_id: existing active and pending memberships; with one and no membership: creates an unsubscribed one"', async () => {
    await applyProfiles(p, [upsert('j@x.io', ['news', 'club']), upsert('k@x.io', ['news'])]);
    await applyEvents(p, [event('unsubscribe_email', 'j@x.io'), event('unsubscribe_email', 'k@x.io', { list_id: 'tips' })]);
    const all = await Promise.all(['news', 'club', 'tips'].map((l) => status('j@x.io', l)));
    expect(all).toEqual(['unsubscribed', 'unsubscribed', null]);
    expect(await Promise.all(['news', 'tips'].map((l) => status('k@x.io', l)))).toEqual(['active', 'unsubscribed']);
    await applyEvents(p, [event('unsubscribe_email', 'new-unsub@x.io', { list_id: 'news' })]);
    expect(await kinds(p, await idOf('new-unsub@x.io'))).toEqual(['contact.created', 'unsubscribe_email', 'list.unsubscribed']);
  });

  test('by external_id alone the effect reaches the same contact', async () => {
    await applyProfiles(p, [{ op: 'upsert', patch: patch('xid@x.io', {}, { external_id: 'XID' }), list_ids: ['news'] }]);
    await applyEvents(p, [{ kind: 'complain_email', external_id: 'XID' }]);
    expect(await status('xid@x.io', 'news')).toBe('complained');
  });

  test('"unless the membership was decided later than the event was accepted or happened"', async () => {
    await applyProfiles(p, [upsert('l@x.io', ['news']), upsert('m@x.io', ['news']), upsert('o@x.io', ['news'])]);
    const decided = (await membershipOf(p, await idOf('l@x.io'), 'news'))?.decided_at ?? 0;
    // Accepted before the decision, applied after it.
    await applyEvents(p, [event('complain_email', 'l@x.io')], { acc: decided - 1 });
    // Happened before the decision, accepted after it: a historical import.
    await applyEvents(p, [event('unsubscribe_email', 'm@x.io', { list_id: 'news', occurred_at: '2019-01-01T00:00:00.000Z' })]);
    await applyEvents(p, [event('complain_email', 'o@x.io')], { acc: decided + 1 });
    expect([await status('l@x.io', 'news'), await status('m@x.io', 'news'), await status('o@x.io', 'news')]).toEqual([
      'active',
      'active',
      'complained',
    ]);
    expect(await listEntries('m@x.io')).toEqual(['list.subscribed']);
  });

  test('a removal is a decision, too: an unsubscribe accepted before it creates nothing', async () => {
    await applyProfiles(p, [upsert('q@x.io', ['news']), remove('q@x.io', 'news')]);
    await applyEvents(p, [event('unsubscribe_email', 'q@x.io', { list_id: 'news', occurred_at: '2019-01-01T00:00:00.000Z' })]);
    expect(await status('q@x.io', 'news')).toBeNull();
  });
});

describe('deleted lists', () => {
  test('list_gone: hidden between acceptance and application; the profile is stored, the outcome listed, a status change refused', async () => {
    await makeList(p, 'gone');
    await applyProfiles(p, [upsert('r@x.io')]);
    await hideList(p.pool, p.workspaceId, 'gone');
    const ops = [upsert('s@x.io', ['gone', 'news'], { fields: { first_name: 'S' } }), set('r@x.io', 'gone', 'active')];
    const row = await applyProfiles(p, ops, { root: 'list-gone' });
    expect(row.verdicts).toMatchObject([{ v: 'c', m: { gone: 'list_gone', news: 'subscribed' } }, { v: 'r' }]);
    expect([await status('s@x.io', 'gone'), await status('s@x.io', 'news'), await status('r@x.io', 'gone')]).toEqual([
      null,
      'active',
      null,
    ]);
    expect(await rejectionsWith(p, 'list-gone')).toEqual([
      { item_id: 'list-gone:0/lists', code: 'list_gone', field: 'list_ids', source: 'membership' },
      { item_id: 'list-gone:1', code: 'list_gone', field: 'list_ids', source: 'profile' },
    ]);
  });

  test('"hide at once, and work through memberships in the background"; the id is free afterwards and starts empty', async () => {
    await makeList(p, 'big');
    const people = Array.from({ length: 1_200 }, (_, n) => `big${n}@x.io`);
    await delivered(
      p,
      await sendProfiles(
        p,
        people.map((email) => upsert(email, ['big'], {})),
      ),
    );
    await applyProfiles(p, [set('big0@x.io', 'big', 'unsubscribed')]);
    await hideList(p.pool, p.workspaceId, 'big');
    const again = { id: 'big', name: 'big', description: '', is_double_optin: false, is_public: false };
    expect(await createList(p.pool, p.workspaceId, again)).toBe('being_deleted');
    // Two runs in a row: the second finds work that is already under way.
    await Promise.all([maintain(p, 'sweep'), maintain(p, 'sweep')]);
    await until('an empty mirror', async () => {
      const result = await p.clickhouse.query({
        query: "SELECT contact_id FROM contact_lists FINAL WHERE list_id = 'big'",
        format: 'JSONEachRow',
      });
      return (await result.json()).length === 0;
    });
    await maintain(p, 'sweep');
    expect(await createList(p.pool, p.workspaceId, again)).toMatchObject({ id: 'big' });
    expect(await listEntries('big0@x.io')).toEqual(['list.subscribed', 'list.unsubscribed', 'list.removed']);
    expect(await listEntries('big1199@x.io')).toEqual(['list.subscribed', 'list.removed']);
    const removed = await p.clickhouse.query({
      query: "SELECT count() AS n FROM timeline_by_kind FINAL WHERE kind = 'list.removed' AND list_id = 'big'",
      format: 'JSONEachRow',
    });
    expect(Number((await removed.json<{ n: string }>())[0]?.n)).toBe(1_200);
    expect((await applyProfiles(p, [upsert('big0@x.io', ['big'])])).verdicts).toMatchObject([{ m: { big: 'subscribed' } }]);
  });

  test('a side effect on a list that is gone changes nothing and is no rejection', async () => {
    await applyProfiles(p, [upsert('t@x.io', ['news'])]);
    const id = await addChunk(p, { kind: 'timeline' }, [{ event: event('unsubscribe_email', 't@x.io', { list_id: 'never-was' }) }], {
      root: 'no-list',
    });
    const [row] = await delivered(p, [id]);
    await delivered(p, row?.followUps ?? []);
    expect([codes(row), await status('t@x.io', 'news'), await rejectionsWith(p, 'no-list')]).toEqual(['s', 'active', []]);
  });
});
