/** SPEC §1 and §8: who a contact is. External ids are unique, emails change, keys swap within one chunk. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contactByEmail, delivered, type Pipeline, patch, startPipeline, until } from '../support/pipeline.ts';
import { addChunk, applyEvents, applyProfiles, codes, history, kinds, mirrorOf, type ProfileOp, rejectionsWith } from './helpers.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline();
}, 120_000);
afterAll(() => p?.close());

const upsert = (email: string, externalId?: string | null, fields = {}): ProfileOp => ({
  op: 'upsert',
  patch: patch(email, fields, externalId === undefined ? {} : { external_id: externalId }),
});
const byId = (externalId: string, email: string, fields = {}): ProfileOp => ({
  ...(upsert(email, externalId, fields) as Extract<ProfileOp, { op: 'upsert' }>),
  identify_by: 'external_id',
});
const change = (email: string, newEmail: string): ProfileOp => ({ op: 'change_email', email, new_email: newEmail });
const owner = async (email: string) => (await contactByEmail(p, email))?.contact_id ?? null;
/** External id of the contact with this address, as both stores have it. */
const externalIdOf = async (email: string) => {
  const contact = await contactByEmail(p, email);
  const mirror = await mirrorOf(p, contact?.contact_id ?? 0);
  expect(mirror?.email).toBe(email);
  expect(mirror?.external_id ?? null).toBe(contact?.external_id ?? null);
  return contact?.external_id ?? null;
};

describe('"external_id of another contact → that item is rejected with external_id_taken"', () => {
  test('the item alone is refused, listed with code and field, and its neighbours are applied', async () => {
    await applyProfiles(p, [upsert('t1@x.io', 'T1')]);
    const root = 'taken-root';
    const row = await applyProfiles(p, [upsert('t2@x.io', 'T2'), upsert('t3@x.io', 'T1', { first_name: 'no' }), upsert('t2@x.io', 'T1')], {
      root,
    });
    expect(codes(row)).toBe('crr');
    expect(await contactByEmail(p, 't3@x.io')).toBeNull();
    expect(await externalIdOf('t2@x.io')).toBe('T2');
    expect(await rejectionsWith(p, root)).toEqual([
      { item_id: `${root}:1`, code: 'external_id_taken', field: 'external_id', source: 'profile' },
      { item_id: `${root}:2`, code: 'external_id_taken', field: 'external_id', source: 'profile' },
    ]);
  });

  test('an id given up earlier in the same chunk is free; null removes it', async () => {
    await applyProfiles(p, [upsert('g1@x.io', 'G')]);
    const row = await applyProfiles(p, [upsert('g2@x.io', 'G'), upsert('g1@x.io', null), upsert('g3@x.io', 'G'), upsert('g2@x.io', 'G')]);
    expect(codes(row)).toBe('rucr');
    expect([await externalIdOf('g1@x.io'), await externalIdOf('g3@x.io')]).toEqual([null, 'G']);
    expect((await history(p, (await owner('g1@x.io')) ?? 0)).at(-1)).toEqual({
      kind: 'contact.updated',
      changes: { external_id: { old: 'G', new: null } },
    });
  });

  test('two contacts swap their ids within one chunk, three rotate theirs', async () => {
    await applyProfiles(p, [upsert('s1@x.io', 'S1'), upsert('s2@x.io', 'S2'), upsert('s3@x.io', 'S3')]);
    const swap = await applyProfiles(p, [upsert('s1@x.io', 'tmp'), upsert('s2@x.io', 'S1'), upsert('s1@x.io', 'S2')]);
    expect(codes(swap)).toBe('uuu');
    expect([await externalIdOf('s1@x.io'), await externalIdOf('s2@x.io')]).toEqual(['S2', 'S1']);
    const rotate = [upsert('s1@x.io', 't'), upsert('s2@x.io', 'S2'), upsert('s3@x.io', 'S1'), upsert('s1@x.io', 'S3')];
    expect(codes(await applyProfiles(p, rotate))).toBe('uuuu');
    const now = [await externalIdOf('s1@x.io'), await externalIdOf('s2@x.io'), await externalIdOf('s3@x.io')];
    expect(now).toEqual(['S3', 'S2', 'S1']);
  });

  test('one id, eight lanes at once: exactly one contact gets it, in both stores', async () => {
    const ids = await Promise.all(
      Array.from({ length: 8 }, (_, lane) =>
        addChunk(p, { kind: 'profile', lane }, [upsert(`race${lane}@x.io`, 'RACE'), upsert(`by${lane}@x.io`)]),
      ),
    );
    const rows = await delivered(p, ids);
    expect(rows.map(codes).sort()).toEqual(['cc', ...Array<string>(7).fill('rc')]);
    const mirrored = await p.clickhouse.query({
      query: "SELECT email FROM contacts FINAL WHERE external_id = 'RACE'",
      format: 'JSONEachRow',
    });
    expect(await mirrored.json()).toHaveLength(1);
  });
});

describe('identify_by: "the contact is found by external_id and its email is changed to the given one"', () => {
  test('known id: same contact, contact.email_changed, history stays, fields merge in the same version', async () => {
    await applyProfiles(p, [upsert('i1@x.io', 'I1', { first_name: 'I' })]);
    await applyEvents(p, [{ kind: 'open_email', email: 'i1@x.io' }]);
    const id = (await owner('i1@x.io')) ?? 0;
    expect(codes(await applyProfiles(p, [byId('I1', 'i1b@x.io', { last_name: 'J' })]))).toBe('u');
    expect(await contactByEmail(p, 'i1@x.io')).toBeNull();
    expect(await contactByEmail(p, 'i1b@x.io')).toMatchObject({ contact_id: id, version: 2, fields: { first_name: 'I', last_name: 'J' } });
    expect(await mirrorOf(p, id)).toMatchObject({ email: 'i1b@x.io', last_name: 'J' });
    expect(await history(p, id)).toEqual([
      { kind: 'contact.created', changes: {} },
      { kind: 'open_email', changes: {} },
      { kind: 'contact.email_changed', changes: { email: { old: 'i1@x.io', new: 'i1b@x.io' } } },
      { kind: 'contact.updated', changes: { last_name: { old: null, new: 'J' } } },
    ]);
    const before = await contactByEmail(p, 'i1b@x.io');
    expect(codes(await applyProfiles(p, [byId('I1', 'i1b@x.io')]))).toBe('n');
    expect(await contactByEmail(p, 'i1b@x.io')).toEqual(before);
  });

  test('"if the new email already belongs to another contact, email_taken"', async () => {
    await applyProfiles(p, [upsert('e1@x.io', 'E1'), upsert('e2@x.io')]);
    const row = await applyProfiles(p, [byId('E1', 'e2@x.io', { first_name: 'no' })], { root: 'email-taken' });
    expect(codes(row)).toBe('r');
    expect(await rejectionsWith(p, 'email-taken')).toMatchObject([{ code: 'email_taken', field: 'email' }]);
    expect(await contactByEmail(p, 'e1@x.io')).toMatchObject({ version: 1, fields: {} });
    expect(await externalIdOf('e2@x.io')).toBeNull();
  });

  test('§8, id unknown: "known email without an id: the id is set on it; another id: external_id_mismatch; neither known: created"', async () => {
    await applyProfiles(p, [upsert('u1@x.io'), upsert('u2@x.io', 'U2')]);
    const row = await applyProfiles(p, [byId('U1', 'u1@x.io'), byId('U9', 'u2@x.io'), byId('U3', 'u3@x.io')], { root: 'id-unknown' });
    expect(codes(row)).toBe('urc');
    expect(await rejectionsWith(p, 'id-unknown')).toMatchObject([{ code: 'external_id_mismatch', field: 'external_id' }]);
    expect([await externalIdOf('u1@x.io'), await externalIdOf('u2@x.io'), await externalIdOf('u3@x.io')]).toEqual(['U1', 'U2', 'U3']);
  });
});

describe('emails change hands', () => {
  test('chained a→b, b→c in one chunk, the holder of b going first; then nobody is lost', async () => {
    await applyProfiles(p, [upsert('ca@x.io', 'CA'), upsert('cb@x.io', 'CB')]);
    const [a, b] = [await owner('ca@x.io'), await owner('cb@x.io')];
    expect(codes(await applyProfiles(p, [byId('CB', 'cc@x.io'), byId('CA', 'cb@x.io'), upsert('ca@x.io', 'NEW')]))).toBe('uuc');
    expect([await owner('cb@x.io'), await owner('cc@x.io')]).toEqual([a, b]);
    const fresh = await owner('ca@x.io');
    expect([a, b]).not.toContain(fresh);
    expect([await externalIdOf('ca@x.io'), await externalIdOf('cb@x.io'), await externalIdOf('cc@x.io')]).toEqual(['NEW', 'CA', 'CB']);
  });

  test('two addresses swap over a third within one chunk, and back in single chunks', async () => {
    await applyProfiles(p, [upsert('w1@x.io'), upsert('w2@x.io')]);
    const [one, two] = [await owner('w1@x.io'), await owner('w2@x.io')];
    const moves: [string, string][] = [
      ['w1@x.io', 'w0@x.io'],
      ['w2@x.io', 'w1@x.io'],
      ['w0@x.io', 'w2@x.io'],
    ];
    expect(
      codes(
        await applyProfiles(
          p,
          moves.map(([from, to]) => change(from, to)),
        ),
      ),
    ).toBe('uuu');
    expect([await owner('w1@x.io'), await owner('w2@x.io')]).toEqual([two, one]);
    for (const [from, to] of moves) expect(codes(await applyProfiles(p, [change(from, to)]))).toBe('u');
    expect([await owner('w1@x.io'), await owner('w2@x.io')]).toEqual([one, two]);
    expect((await kinds(p, one ?? 0)).filter((k) => k === 'contact.email_changed')).toHaveLength(3);
  });

  test('an address freed and taken again in one chunk makes a second contact: upsert a, a→b, upsert a, a→c, upsert a', async () => {
    const ops = [upsert('f@x.io'), change('f@x.io', 'f1@x.io'), upsert('f@x.io'), change('f@x.io', 'f2@x.io'), upsert('f@x.io')];
    expect(codes(await applyProfiles(p, ops, { lane: 5 }))).toBe('cucuc');
    const ids = await Promise.all(['f1@x.io', 'f2@x.io', 'f@x.io'].map(owner));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect((await kinds(p, id ?? 0))[0]).toBe('contact.created');
  });

  test('to a taken address: email_taken on new_email; of nobody: contact_not_found; to the same: unchanged', async () => {
    await applyProfiles(p, [upsert('n1@x.io'), upsert('n2@x.io')]);
    const row = await applyProfiles(p, [change('n1@x.io', 'n2@x.io'), change('nobody@x.io', 'n3@x.io'), change('n1@x.io', 'n1@x.io')], {
      root: 'change-refused',
    });
    expect(codes(row)).toBe('rrn');
    expect(await rejectionsWith(p, 'change-refused')).toMatchObject([
      { code: 'email_taken', field: 'new_email' },
      { code: 'contact_not_found', field: 'email' },
    ]);
  });

  test('an event that creates the new address at the same moment: one contact per address, nothing stuck', async () => {
    const work = Array.from({ length: 10 }, (_, n) => n);
    await applyProfiles(
      p,
      work.map((n) => upsert(`m${n}@x.io`)),
    );
    const sent = await Promise.all(
      work.flatMap((n) => [
        addChunk(p, { kind: 'profile', lane: n % 8 }, [change(`m${n}@x.io`, `m${n}-new@x.io`)]),
        addChunk(p, { kind: 'timeline' }, [{ event: { kind: 'open_email', email: `m${n}-new@x.io` } }]),
      ]),
    );
    const rows = await delivered(p, sent);
    for (const n of work) {
      const [profile, event] = [rows[n * 2], rows[n * 2 + 1]];
      const id = await owner(`m${n}-new@x.io`);
      expect(event?.verdicts).toMatchObject([{ v: 's', id }]);
      expect(codes(profile)).toBe((await owner(`m${n}@x.io`)) === null ? 'u' : 'r');
    }
  });
});

test('"Email casing … never make a second contact": chunks that create one address at once make one contact, one contact.created', async () => {
  const sent = await Promise.all([
    ...[0, 1, 2, 3].map((lane) => addChunk(p, { kind: 'profile', lane }, [upsert('once@x.io', undefined, { custom_number_1: lane })])),
    ...[0, 1, 2, 3].map(() => addChunk(p, { kind: 'timeline' }, [{ event: { kind: 'click_email' as const, email: 'once@x.io' } }])),
    ...[0, 1, 2, 3].map((lane) =>
      addChunk(p, { kind: 'custom_event', lane }, [{ event: { event_name: 'once', external_id: `o${lane}`, email: 'once@x.io' } }]),
    ),
  ]);
  const rows = await delivered(p, sent);
  const id = (await owner('once@x.io')) ?? 0;
  expect(new Set(rows.flatMap((r) => r.verdicts.map((v) => v.id)))).toEqual(new Set([id]));
  const seen = await until('the whole timeline', async () => {
    const all = await kinds(p, id);
    return all.filter((k) => k === 'click_email').length === 4 ? all : null;
  });
  expect(seen.filter((k) => k === 'contact.created')).toHaveLength(1);
});
