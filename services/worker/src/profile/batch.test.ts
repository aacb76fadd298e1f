import type { ContactRow, MembershipRow } from '@muster/postgres';
import type { ProfileItem } from '@muster/queues';
import { describe, expect, test } from 'vitest';
import { type Loaded, ProfileBatch } from './batch.ts';

const T = '2024-01-01T00:00:00.000Z';
const ACC = 1_750_000_000_000_000;
const row = (contact_id: number, email: string, more: Partial<ContactRow> = {}): ContactRow => ({
  ...{ contact_id, email, external_id: null, created_at: T, updated_at: T, version: 1, created_by_event: false, fields: {} },
  ...more,
});
const member = (contact_id: number, list_id: string, more: Partial<MembershipRow> = {}): MembershipRow => ({
  ...{ contact_id, list_id, status: 'active', removed: false, decided_at: 1, created_at: T, updated_at: T, version: 4 },
  ...more,
});
const batchOf = (more: Partial<Loaded> = {}) =>
  new ProfileBatch({
    ...{ workspaceId: 1, acceptedAt: ACC, contacts: [], memberships: [], freeIds: [101, 102, 103] },
    ...{ lists: new Map([['news', { is_double_optin: false }]]), isErased: () => false, isErasedContact: () => false },
    ...more,
  });
let index = 0;
type Bare<I> = I extends unknown ? Omit<I, 'root' | 'index'> : never;
const item = (op: Bare<ProfileItem>): ProfileItem => ({ ...op, root: 'r', index: index++ });
const upsert = (email: string, more: Record<string, unknown> = {}, extra: Record<string, unknown> = {}): ProfileItem =>
  item({ op: 'upsert', patch: { email, fields: {}, ...more }, ...extra });
const change = (email: string, new_email: string) => item({ op: 'change_email', email, new_email });

describe('writes', () => {
  test('nothing changed, nothing written; not even a version', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io', { fields: { first_name: 'A' } })] });
    expect(batch.apply(upsert('a@x.io', { fields: { first_name: 'A' } })).v).toBe('n');
    expect(batch.writes()).toEqual({ inserts: [], updates: [], memberships: [], releaseEmails: [], releaseExternalIds: [] });
    expect([batch.entries, [...batch.mirrored]]).toEqual([[], []]);
  });

  test('the flag of a contact that an event made is cleared by the first upsert, without an entry or a version', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io', { created_by_event: true })] });
    expect(batch.apply(upsert('a@x.io')).v).toBe('n');
    expect(batch.writes().updates).toEqual([row(1, 'a@x.io')]);
    expect([batch.entries, [...batch.mirrored]]).toEqual([[], []]);
  });

  test('changed there and back again: two versions, two entries, the last state once', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io', { fields: { n: 1 } })] });
    for (const n of [2, 1]) batch.apply(upsert('a@x.io', { fields: { n } }));
    expect(batch.writes().updates).toMatchObject([{ version: 3, fields: { n: 1 } }]);
    expect(batch.entries.map((e) => e.ch)).toEqual([{ n: { old: 1, new: 2 } }, { n: { old: 2, new: 1 } }]);
  });

  test('a key is released exactly when another contact of the chunk takes it over', () => {
    const contacts = [
      row(1, 'a@x.io', { external_id: 'A' }),
      row(2, 'b@x.io', { external_id: 'B' }),
      row(3, 'c@x.io', { external_id: 'C' }),
    ];
    const batch = batchOf({ contacts });
    for (const i of [change('b@x.io', 'd@x.io'), change('a@x.io', 'b@x.io'), change('c@x.io', 'e@x.io')])
      expect(batch.apply(i).v).toBe('u');
    for (const [email, id] of [
      ['e@x.io', 'C2'],
      ['d@x.io', null],
      ['b@x.io', 'B'],
    ] as const)
      expect(batch.apply(upsert(email, { external_id: id })).v).toBe('u');
    expect(batch.writes()).toMatchObject({ releaseEmails: [2], releaseExternalIds: [2] });
    expect(batch.writes().updates.map((u) => [u.contact_id, u.email, u.external_id])).toEqual([
      [1, 'b@x.io', 'B'],
      [2, 'd@x.io', null],
      [3, 'e@x.io', 'C2'],
    ]);
  });

  test('a key that went away and came back is no change of hands', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io', { external_id: 'A' })] });
    for (const i of [change('a@x.io', 'b@x.io'), change('b@x.io', 'a@x.io')]) batch.apply(i);
    for (const id of ['B', 'A']) batch.apply(upsert('a@x.io', { external_id: id }));
    expect(batch.writes()).toMatchObject({ releaseEmails: [], releaseExternalIds: [], updates: [{ version: 5, email: 'a@x.io' }] });
  });

  test('ids: as many as contacts were created; a new contact that moves within the chunk is inserted where it ended', () => {
    const batch = batchOf();
    for (const i of [upsert('a@x.io'), change('a@x.io', 'b@x.io'), upsert('a@x.io'), upsert('b@x.io')]) batch.apply(i);
    expect(batch.usedIds).toEqual([101, 102]);
    expect(batch.writes().inserts.map((r) => [r.contact_id, r.email])).toEqual([
      [101, 'b@x.io'],
      [102, 'a@x.io'],
    ]);
    expect(batch.entries.map((e) => [e.c, e.k])).toEqual([
      [101, 'contact.created'],
      [101, 'contact.email_changed'],
      [102, 'contact.created'],
    ]);
  });
});

describe('entries', () => {
  test('each has an id and a place of its own, in the order of items and within an item', () => {
    index = 0;
    const batch = batchOf({
      contacts: [row(1, 'a@x.io', { external_id: 'A' })],
      lists: new Map([
        ['l1', { is_double_optin: false }],
        ['l2', { is_double_optin: true }],
      ]),
    });
    batch.apply(upsert('b@x.io', { external_id: 'A', fields: { n: 1 } }, { identify_by: 'external_id', list_ids: ['l1', 'l2'] }));
    batch.apply(upsert('b@x.io', { fields: { n: 2 } }));
    expect(batch.entries.map((e) => [e.k, e.i, e.o])).toEqual([
      ['contact.email_changed', 'r:0/0', 0],
      ['contact.updated', 'r:0/1', 1],
      ['list.subscribed', 'r:0/2', 2],
      ['list.pending', 'r:0/3', 3],
      ['contact.updated', 'r:1/0', 64],
    ]);
  });

  test('a membership that only states its status again moves its decision, without an entry', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io')], memberships: [member(1, 'news')] });
    const set = item({ op: 'membership', email: 'a@x.io', list_ids: ['news'], decision: { type: 'set', status: 'active' } });
    expect(batch.apply(set)).toMatchObject({ v: 'n', m: { news: 'unchanged' } });
    expect(batch.writes().memberships).toMatchObject([{ decided_at: ACC, version: 5, updated_at: T }]);
    expect(batch.entries).toEqual([]);
  });

  test('"a removed membership counts as no membership everywhere": old is null, a decision about all lists passes it by', () => {
    const lists = new Map(['x', 'y'].map((id) => [id, { is_double_optin: false }]));
    const batch = batchOf({ contacts: [row(1, 'a@x.io')], lists, memberships: [member(1, 'x', { removed: true }), member(1, 'y')] });
    const all = item({
      op: 'membership',
      contact_id: 1,
      decision: { type: 'side_effect', kind: 'complain_email', explicitList: false, occurredAt: ACC },
    });
    expect(batch.apply(all).m).toEqual({ y: 'set' });
    batch.apply(upsert('a@x.io', {}, { list_ids: ['x'] }));
    expect(batch.entries.map((e) => [e.k, e.ch])).toEqual([
      ['list.complained', { status: { old: 'active', new: 'complained' } }],
      ['list.subscribed', { status: { old: null, new: 'active' } }],
    ]);
  });
});

describe('refusals and erasures', () => {
  test('a refused item leaves no trace: no membership, no entry, no id used', () => {
    const batch = batchOf({ contacts: [row(1, 'a@x.io', { external_id: 'A' })] });
    expect(batch.apply(upsert('b@x.io', { external_id: 'A' }, { list_ids: ['news'] })).v).toBe('r');
    expect(batch.refused.map((r) => r.refusal.code)).toEqual(['external_id_taken']);
    expect([batch.entries, batch.usedIds, batch.writes().inserts, batch.writes().memberships]).toEqual([[], [], [], []]);
  });

  test('an erased address or contact is erased whoever names it, and a change to an erased address, too', () => {
    const batch = batchOf({
      contacts: [row(1, 'a@x.io')],
      isErased: (kind, value) => kind === 'email' && value === 'gone@x.io',
      isErasedContact: (id) => id === 9,
    });
    const remove = { type: 'remove' } as const;
    const items = [
      upsert('gone@x.io'),
      item({ op: 'membership', email: 'gone@x.io', list_ids: ['news'], decision: remove }),
      item({ op: 'membership', contact_id: 9, decision: remove }),
      change('a@x.io', 'gone@x.io'),
      change('gone@x.io', 'b@x.io'),
    ];
    expect(items.map((i) => batch.apply(i).v).join('')).toBe('eeeee');
    expect(batch.writes().updates).toEqual([]);
  });
});
