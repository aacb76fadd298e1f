/** Members of segments as the calls show them, from rows as the segmenter writes them. */
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HttpStack, Reply } from '../../../../tests/support/http.ts';
import { allMembers } from '../segments/pages.ts';
import { verdictOf, WAIT } from './read.ts';
import { insertFlips, insertSet, type StoredSet } from './segment-rows.ts';
import { everybody, type Json, workspace } from './trees.ts';

const day = (n: number, time = '10:00:00.000') => `2024-01-${String(n).padStart(2, '0')}T${time}Z`;

export function memberSuite(stack: () => HttpStack): void {
  const { post, get, upsert, create, workspaceId } = workspace(stack, 'segment-members');
  let clickhouse: ClickHouse;
  let ws = 0;
  let uid = 0;
  /** Contacts in the order of their ids. Tests speak of them by place, from 1. */
  let people: { id: number; email: string }[] = [];
  const ids = (...places: number[]) => places.map((n) => people[n - 1]?.id ?? 0);
  const email = (n: number) => people[n - 1]?.email ?? '';

  const pg = (sql: string, ...values: unknown[]) => stack().pool.query(sql, values);
  const uidOf = async (id: string): Promise<number> =>
    Number((await pg('SELECT segment_uid FROM segments WHERE workspace_id = $1 AND segment_id = $2', ws, id)).rows[0]?.segment_uid);
  const commit = (epoch: number) => pg('UPDATE segment_evaluators SET epoch = $2, committed = $2 WHERE workspace_id = $1', ws, epoch);
  const storeSet = (set: StoredSet) => insertSet(clickhouse, ws, uid, set);
  const flip = (epoch: number, at: string, joined: number[], parted: number[]) =>
    insertFlips(clickhouse, ws, uid, { epoch, at, joined, parted });
  const show = (base: number, unlogged: boolean) =>
    pg(
      "UPDATE segments SET base_epoch = $2, unlogged = $3, status = 'active', build_reason = NULL WHERE segment_uid = $1",
      uid,
      base,
      unlogged,
    );
  const places = (reply: Reply) =>
    (reply.body.contacts as { contact_id: number }[]).map((x) => people.findIndex((p) => p.id === x.contact_id) + 1);
  const members = async (query: Record<string, string | number> = {}) => {
    const found: number[] = [];
    for (let cursor = ''; ; ) {
      const reply = await get('segments.contacts', { segment_id: 'vip', limit: 4, ...query, ...(cursor ? { cursor } : {}) });
      expect(verdictOf(reply)).toBe('200');
      found.push(...places(reply));
      cursor = String(reply.body.next_cursor ?? '');
      if (!cursor) return found;
    }
  };
  const segmentsOf = async (n: number) => ((await get('contacts.getByEmail', { email: email(n) })).body.contact as Json).contact_segments;
  const entriesOf = async (n: number, query: Record<string, string | number> = {}) =>
    (await get('timeline.list', { email: email(n), ...query })).body as { timeline: Json[]; next_cursor?: string };

  beforeAll(async () => {
    clickhouse = createClickHouse(stack().stack.stores.clickhouseUrl);
    ws = await workspaceId();
    for (let n = 1; n <= 12; n += 1) {
      const created = await upsert({ email: `m${n}@example.com` });
      people.push({ id: Number(created.body.contact_id), email: `m${n}@example.com` });
    }
    people = people.toSorted((a, b) => a.id - b.id);
  }, 60_000);
  afterAll(() => clickhouse.close());

  it('has none before the first complete set', async () => {
    await create('vip', everybody, { timezone: 'Europe/Paris' });
    uid = await uidOf('vip');
    expect(await members()).toEqual([]);
    expect(await members({ at: day(1) })).toEqual([]);
    expect((await get('contacts.export', { segment_id: 'vip' })).text).toMatch(/^email,[^\r\n]*\r\n$/);
    expect((await get('contacts.list', { 'segments[]': 'vip' })).body).toEqual({ contacts: [] });
    expect((await get('contacts.count', { segments: 'vip' })).body).toEqual({ count: 0 });
  });

  it('shows the complete set and the joins and leaves since, of epochs that count', async () => {
    await storeSet({ epoch: 3, at: day(10), members: ids(1, 2, 3, 4, 5, 6, 7, 8), joined: ids(1, 2, 3, 4, 5, 6, 7, 8), parted: [] });
    await flip(3, day(10), ids(1, 2, 3, 4, 5, 6, 7, 8), []);
    await flip(5, day(11), ids(9), ids(1));
    await flip(6, day(11, '12:00:00.000'), ids(12), ids(2));
    await pg('INSERT INTO segment_void_epochs (workspace_id, epoch) VALUES ($1, 6)', ws);
    await flip(7, day(12), ids(1), []);
    await flip(9, day(13), ids(11), ids(8));
    await show(3, false);
    await commit(8);
    expect(await members()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect((await get('contacts.count', { segments: 'vip' })).body).toEqual({ count: 9 });
    expect(places(await get('contacts.list', { 'segments[]': 'vip', email: email(9) }))).toEqual([9]);
    const lines = (await get('contacts.export', { segment_id: 'vip' })).text.trimEnd().split('\r\n');
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(email));
    expect(await segmentsOf(1)).toEqual([{ segment_id: 'vip', joined_at: day(12) }]);
    expect(await segmentsOf(2)).toEqual([{ segment_id: 'vip', joined_at: day(10) }]);
    for (const outside of [10, 11, 12]) expect(await segmentsOf(outside)).toEqual([]);
    const waited = await upsert({ email: email(9), first_name: 'Nine' });
    expect((waited.body.contact as Json).contact_segments).toEqual([{ segment_id: 'vip', joined_at: day(11) }]);
  });

  it('answers for the past', async () => {
    expect(await members({ at: day(9) })).toEqual([]);
    expect(await members({ at: day(10) })).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await members({ at: day(11, '09:59:59.999') })).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await members({ at: day(11) })).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    // The first instant of the 12th in Paris, an hour before that of UTC.
    expect(await members({ at: '2024-01-12' })).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await members({ at: '2024-01-12T11:00:00 01:00' })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const at of ['yesterday', '2024-02-30', '2024-01-12T11:00:00', '2200-01-01'])
      expect(verdictOf(await get('segments.contacts', { segment_id: 'vip', at }))).toBe('422 validation_failed');
  });

  it('pins pages to the version of the first', async () => {
    const first = await get('segments.contacts', { segment_id: 'vip', limit: 4 });
    const cursor = String(first.body.next_cursor);
    await commit(9);
    const second = await get('segments.contacts', { segment_id: 'vip', limit: 4, cursor });
    expect([places(first), places(second)]).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(await members()).toEqual([1, 2, 3, 4, 5, 6, 7, 9, 11]);

    const position = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as (number | string)[];
    const altered = (change: Record<number, number | string>) =>
      Buffer.from(JSON.stringify(position.map((value, n) => change[n] ?? value))).toString('base64url');
    const verdict = async (text: string, more = {}) =>
      verdictOf(await get('segments.contacts', { segment_id: 'vip', cursor: text, ...more }));
    const issued = Number(position[3]);
    expect(await verdict(altered({ 3: issued - 14 * 60_000 }))).toBe('200');
    for (const bad of [
      { 3: issued - 16 * 60_000 },
      { 3: issued + 1e9 },
      { 2: 10 },
      { 1: 2 },
      { 0: uid + 1 },
      { 4: 'x' },
      { 4: '5' },
      { 5: -1 },
    ])
      expect(await verdict(altered(bad))).toBe('400 invalid_cursor');
    expect(await verdict(cursor, { at: day(12) })).toBe('400 invalid_cursor');
    expect(await verdict('nonsense')).toBe('400 invalid_cursor');
  });

  it('asks a new set itself while its log is not complete', async () => {
    await storeSet({ epoch: 12, at: day(14), members: ids(2, 10), joined: ids(10), parted: ids(1, 3, 4, 5, 6, 7, 9, 11) });
    await flip(12, day(14), [], ids(1, 3));
    await show(12, true);
    await commit(12);
    const expectAll = async () => {
      expect(await members()).toEqual([2, 10]);
      expect(await segmentsOf(2)).toEqual([{ segment_id: 'vip', joined_at: day(10) }]);
      expect(await segmentsOf(10)).toEqual([{ segment_id: 'vip', joined_at: day(14) }]);
      for (const outside of [1, 3, 9, 12]) expect(await segmentsOf(outside)).toEqual([]);
      expect(await members({ at: day(13) })).toEqual([1, 2, 3, 4, 5, 6, 7, 9, 11]);
    };
    await expectAll();
    await flip(12, day(14), ids(10), ids(1, 3, 4, 5, 6, 7, 9, 11));
    await expectAll();
    await show(12, false);
    await expectAll();
    await flip(13, day(15), ids(3, 5), ids(2));
    await show(12, true);
    await commit(13);
    expect(await segmentsOf(3)).toEqual([{ segment_id: 'vip', joined_at: day(15) }]);
    expect(await segmentsOf(2)).toEqual([]);
    await show(12, false);
    expect(await members()).toEqual([3, 5, 10]);
  });

  it('filters contacts by any of several segments', async () => {
    await create('empty', everybody);
    await create('other', everybody);
    const vip = uid;
    uid = await uidOf('other');
    await storeSet({ epoch: 11, at: day(14), members: ids(7, 10), joined: ids(7, 10), parted: [] });
    await flip(13, day(15), ids(1), ids(10));
    await show(11, false);
    uid = vip;
    await post('lists.create', { id: 'few', name: 'Few' });
    await post('contactLists.subscribe', { email: email(3), list_ids: ['few'] }, WAIT);
    expect(places(await get('contacts.list', { 'segments[]': 'vip', limit: 2 }))).toEqual([3, 5]);
    expect(places(await get('contacts.list', { segments: 'other' }))).toEqual([1, 7]);
    const several = { segments: 'empty,vip,other', limit: 3 };
    const first = await get('contacts.list', several);
    const second = await get('contacts.list', { ...several, cursor: String(first.body.next_cursor) });
    expect([places(first), places(second), second.body.next_cursor]).toEqual([[1, 3, 5], [7, 10], undefined]);
    expect(places(await get('contacts.list', { segments: 'vip,other', list_id: 'few' }))).toEqual([3]);
    expect((await get('contacts.count', { segments: 'empty,vip,other' })).body).toEqual({ count: 5 });
    expect(await segmentsOf(10)).toEqual([{ segment_id: 'vip', joined_at: day(14) }]);
    expect(await segmentsOf(1)).toEqual([{ segment_id: 'other', joined_at: day(15) }]);
    for (const segments of ['vip,nobody', 'Not An Id', "x' OR '1'='1"])
      expect(verdictOf(await get('contacts.list', { segments }))).toBe('404 segment_not_found');
  });

  it('has an entry of the timeline for each join and leave that counts', async () => {
    const kinds = ({ timeline }: { timeline: Json[] }) => timeline.map((e) => `${e.kind} ${e.occurred_at}`);
    const one = await entriesOf(1, { 'kinds[]': 'segment.joined,segment.left' });
    expect(kinds(one)).toEqual([
      `segment.joined ${day(15)}`,
      `segment.left ${day(14)}`,
      `segment.joined ${day(12)}`,
      `segment.left ${day(11)}`,
      `segment.joined ${day(10)}`,
    ]);
    expect(one.timeline.map((e) => e.entity_id)).toEqual(['other', 'vip', 'vip', 'vip', 'vip']);
    expect(one.timeline[2]).toEqual({
      ...{ id: `segment:${uid}:7`, contact_id: ids(1)[0], kind: 'segment.joined', occurred_at: day(12), recorded_at: day(12) },
      ...{ entity_type: 'contact_segment', entity_id: 'vip', changes: {}, properties: {} },
    });
    expect(kinds(await entriesOf(1, { 'kinds[]': 'segment.left' })).length).toBe(2);
    expect(kinds(await entriesOf(12))).toEqual([expect.stringContaining('contact.created')]);
    const paged: Json[] = [];
    for (let cursor = ''; ; ) {
      const page = await entriesOf(1, { limit: 2, ...(cursor ? { cursor } : {}) });
      paged.push(...page.timeline);
      cursor = page.next_cursor ?? '';
      if (!cursor) break;
    }
    expect(paged).toEqual((await entriesOf(1)).timeline);
    expect(paged.map((e) => e.kind)).toEqual(['contact.created', ...one.timeline.map((e) => e.kind)]);
  });

  it('tells size, joins and leaves per day', async () => {
    await pg(
      `INSERT INTO segment_days (segment_uid, day, joins, leaves, size) VALUES ($1, '2024-01-10', 8, 0, 8), ($1, '2024-01-12', 2, 1, 9)`,
      uid,
    );
    const days = async (query: Record<string, string>) => {
      const reply = await get('segments.history', { id: 'vip', ...query });
      expect(verdictOf(reply)).toBe('200');
      return reply.body.days as { day: string; size: number; joins: number; leaves: number }[];
    };
    expect(await days({ from: '2024-01-09', to: '2024-01-13' })).toEqual([
      { day: '2024-01-09', size: 0, joins: 0, leaves: 0 },
      { day: '2024-01-10', size: 8, joins: 8, leaves: 0 },
      { day: '2024-01-11', size: 8, joins: 0, leaves: 0 },
      { day: '2024-01-12', size: 9, joins: 2, leaves: 1 },
      { day: '2024-01-13', size: 9, joins: 0, leaves: 0 },
    ]);
    expect(await days({ from: '2024-01-11', to: '2024-01-11' })).toEqual([{ day: '2024-01-11', size: 8, joins: 0, leaves: 0 }]);
    const month = await days({});
    expect([month.length, month[0]?.size, month.at(-1)?.day]).toEqual([
      30,
      9,
      new Date().toLocaleDateString('sv', { timeZone: 'Europe/Paris' }),
    ]);
    expect((await days({ from: '2024-01-01', to: '2024-12-31' })).length).toBe(366);
    for (const query of [
      ...[{ from: '2024-01-01', to: '2025-01-01' }, { from: '2024-01-02', to: '2024-01-01' }, { from: '2020-01-01' }],
      ...[{ from: '2023-02-29' }, { to: '2024-1-1' }, { to: '2024-01-01T00:00:00Z' }, { from: "2024-01-01' --" }],
    ])
      expect(verdictOf(await get('segments.history', { id: 'vip', ...query }))).toBe('422 validation_failed');
    expect(verdictOf(await get('segments.history', { id: 'nobody' }))).toBe('404 segment_not_found');
    expect(verdictOf(await get('segments.history'))).toBe('422 validation_failed');
  });

  it('leaves out who was erased', async () => {
    await post('contacts.delete', { contact_id: ids(5)[0] });
    expect(await members()).toEqual([3, 10]);
    expect(await members({ at: day(10), limit: 1 })).toEqual([1, 2, 3, 4, 6, 7, 8]);
  });

  it('an export whose set is removed meanwhile goes on from where it is, with the members of then', async () => {
    const store = (epoch: number, ...places: number[]) =>
      storeSet({ epoch, at: day(epoch), members: ids(...places), joined: [], parted: [] }).then(() => show(epoch, false));
    await store(20, 3, 6, 7, 8);
    await commit(20);
    const pages = allMembers({ pool: stack().pool, clickhouse }, ws, 'vip', 2);
    const first = (await pages.next()).value ?? [];
    await store(21, 3, 4, 7, 9, 10);
    const gone = 'DELETE FROM segment_sets WHERE workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch = 20';
    await clickhouse.command({ query: gone, query_params: { ws, uid } });
    await commit(21);
    expect(first.map((row) => row.email)).toEqual([3, 6].map(email));
    const rest: string[] = [];
    for await (const page of pages) rest.push(...page.map((row) => row.email));
    expect(rest).toEqual([7, 9, 10].map(email));
  });

  it('forgets the segment, not what happened', async () => {
    const cursor = String((await get('segments.contacts', { segment_id: 'vip', limit: 1 })).body.next_cursor);
    await post('segments.delete', { id: 'vip' });
    expect(verdictOf(await get('segments.contacts', { segment_id: 'vip', cursor }))).toBe('404 segment_not_found');
    expect(verdictOf(await get('contacts.count', { segments: 'vip' }))).toBe('404 segment_not_found');
    expect(await segmentsOf(3)).toEqual([]);
    expect((await entriesOf(3)).timeline.filter((e) => e.entity_id === 'vip').length).toBe(3);
    await create('vip', everybody);
    expect(verdictOf(await get('segments.contacts', { segment_id: 'vip', cursor }))).toBe('400 invalid_cursor');
    expect(await members()).toEqual([]);
    expect((await get('segments.history', { id: 'vip', from: '2024-01-12', to: '2024-01-12' })).body.days).toEqual([
      { day: '2024-01-12', size: 0, joins: 0, leaves: 0 },
    ]);
  });
}
