/** SPEC §1: what an upsert does to a profile, its mirror and its timeline. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contactByEmail, delivered, type Pipeline, patch, sendProfiles, startPipeline } from '../support/pipeline.ts';
import { addChunk, applyCustom, applyEvents, applyProfiles, codes, history, kinds, mirrorOf, type ProfileOp } from './helpers.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline();
}, 120_000);
afterAll(() => p?.close());

const upsert = (email: string, fields = {}, more = {}): ProfileOp => ({ op: 'upsert', patch: patch(email, fields, more) });
const idOf = async (email: string): Promise<number> => (await contactByEmail(p, email))?.contact_id ?? 0;

describe('tri-state: "field absent = keep; null = remove the value; value = set"', () => {
  test('each of the three, in both stores, and each change is the entry', async () => {
    await applyProfiles(p, [upsert('tri@x.io', { first_name: 'Ada', last_name: 'L', custom_number_1: 1, custom_json_1: { a: [1] } })]);
    const row = await applyProfiles(p, [upsert('tri@x.io', { first_name: null, custom_number_1: 2 })]);
    expect(codes(row)).toBe('u');
    const contact = await contactByEmail(p, 'tri@x.io');
    expect(contact?.fields).toEqual({ last_name: 'L', custom_number_1: 2, custom_json_1: { a: [1] } });
    const mirror = await mirrorOf(p, contact?.contact_id ?? 0);
    expect(mirror).toMatchObject({ last_name: 'L', custom_number_1: 2, custom_json_1: '{"a":[1]}' });
    expect(mirror).not.toHaveProperty('first_name');
    expect((await history(p, contact?.contact_id ?? 0))[1]).toEqual({
      kind: 'contact.updated',
      changes: { first_name: { old: 'Ada', new: null }, custom_number_1: { old: 1, new: 2 } },
    });
  });

  test('"an empty string is stored as \\"\\" (it is set)"; removing what has no value is no change', async () => {
    await applyProfiles(p, [upsert('empty@x.io', { first_name: '' })]);
    const id = await idOf('empty@x.io');
    expect((await mirrorOf(p, id))?.first_name).toBe('');
    expect(codes(await applyProfiles(p, [upsert('empty@x.io', { first_name: '', last_name: null })]))).toBe('n');
    expect(codes(await applyProfiles(p, [upsert('empty@x.io', { first_name: null })]))).toBe('u');
    expect((await contactByEmail(p, 'empty@x.io'))?.fields).toEqual({});
    expect(await mirrorOf(p, id)).not.toHaveProperty('first_name');
    expect((await history(p, id)).at(-1)?.changes).toEqual({ first_name: { old: '', new: null } });
  });

  test('every type of field keeps its value in both stores, times before 1970 and -0 = 0 too', async () => {
    const fields = {
      phone: '+14155552671',
      custom_string_5: '\'; DROP TABLE contacts; -- 😀\\\n\t"',
      custom_number_1: 0.1,
      custom_number_2: 1e300,
      custom_number_3: 0,
      custom_datetime_1: '1932-02-29T23:59:59.999Z',
      custom_datetime_2: '1969-12-31T23:59:59.001Z',
      custom_datetime_3: '2299-12-31T00:00:00.000Z',
      custom_json_1: { ключ: ['ё', null, { deep: 1.5 }] },
      custom_json_2: [],
    };
    await applyProfiles(p, [upsert('types@x.io', fields, { external_id: 'types-1', created_at: '1905-06-07T08:09:10.123Z' })]);
    const contact = await contactByEmail(p, 'types@x.io');
    expect(contact).toMatchObject({ fields, external_id: 'types-1', created_at: '1905-06-07T08:09:10.123Z' });
    expect(await mirrorOf(p, contact?.contact_id ?? 0)).toMatchObject({
      ...fields,
      external_id: 'types-1',
      created_at: '1905-06-07 08:09:10.123',
      custom_datetime_1: '1932-02-29 23:59:59.999',
      custom_datetime_2: '1969-12-31 23:59:59.001',
      custom_datetime_3: '2299-12-31 00:00:00.000',
      custom_json_1: JSON.stringify(fields.custom_json_1),
      custom_json_2: '[]',
    });
  });
});

describe('results: "created | updated | unchanged"', () => {
  test('"unchanged writes nothing to the profile or its timeline", "updated_at moves only when a value really changed"', async () => {
    await applyProfiles(p, [upsert('same@x.io', { first_name: 'A', custom_json_1: { a: 1, b: 2 } })]);
    const before = await contactByEmail(p, 'same@x.io');
    const row = await applyProfiles(p, [upsert('same@x.io', { first_name: 'A', custom_json_1: { b: 2, a: 1 } }), upsert('same@x.io')]);
    expect(codes(row)).toBe('nn');
    expect(await contactByEmail(p, 'same@x.io')).toEqual(before);
    expect(await kinds(p, before?.contact_id ?? 0)).toEqual(['contact.created']);
    await applyProfiles(p, [upsert('same@x.io', { first_name: 'B' })]);
    const after = await contactByEmail(p, 'same@x.io');
    expect(Date.parse(after?.updated_at ?? '')).toBeGreaterThan(Date.parse(before?.updated_at ?? ''));
    expect(after?.created_at).toBe(before?.created_at);
    expect((await mirrorOf(p, after?.contact_id ?? 0))?.updated_at).toBe(after?.updated_at.replace('T', ' ').replace('Z', ''));
    expect(Object.keys((await history(p, after?.contact_id ?? 0)).at(-1)?.changes ?? {})).toEqual(['first_name']);
  });

  test('"two items of one contact in one request: applied in order, each with its own result and timeline entry" (1→2→1)', async () => {
    const steps = [1, 2, 1, 1].map((n) => upsert('steps@x.io', { custom_number_1: n }));
    const row = await applyProfiles(p, steps);
    expect(codes(row)).toBe('cuun');
    const contact = await contactByEmail(p, 'steps@x.io');
    expect(contact).toMatchObject({ version: 3, fields: { custom_number_1: 1 } });
    expect(await history(p, contact?.contact_id ?? 0)).toEqual([
      { kind: 'contact.created', changes: {} },
      { kind: 'contact.updated', changes: { custom_number_1: { old: 1, new: 2 } } },
      { kind: 'contact.updated', changes: { custom_number_1: { old: 2, new: 1 } } },
    ]);
  });
});

describe('created_at: "settable when the contact is created, or by the first upsert of a contact that an event created"', () => {
  const given = '2001-02-03T04:05:06.789Z';
  test('set at creation, "never changed afterwards"', async () => {
    await applyProfiles(p, [upsert('old@x.io', {}, { created_at: given })]);
    expect((await contactByEmail(p, 'old@x.io'))?.created_at).toBe(given);
    expect(codes(await applyProfiles(p, [upsert('old@x.io', {}, { created_at: '2010-01-01T00:00:00.000Z' })]))).toBe('n');
    expect((await contactByEmail(p, 'old@x.io'))?.created_at).toBe(given);
  });

  test.each([
    ['an activity event', async (email: string) => applyEvents(p, [{ kind: 'open_email', email }])],
    ['a custom event', async (email: string) => applyCustom(p, [{ event_name: 'seen', external_id: email, email }])],
  ])('the first upsert after %s may set it, the second may not', async (_, create) => {
    const email = `ev-${Math.random().toString(36).slice(2)}@x.io`;
    await create(email);
    expect(codes(await applyProfiles(p, [upsert(email, {}, { created_at: given })]))).toBe('u');
    const contact = await contactByEmail(p, email);
    expect(contact?.created_at).toBe(given);
    expect((await mirrorOf(p, contact?.contact_id ?? 0))?.created_at).toBe('2001-02-03 04:05:06.789');
    expect(codes(await applyProfiles(p, [upsert(email, {}, { created_at: '2010-01-01T00:00:00.000Z' })]))).toBe('n');
    expect((await contactByEmail(p, email))?.created_at).toBe(given);
  });

  test('an upsert that changed nothing was still the first: a later one cannot set it', async () => {
    await applyEvents(p, [{ kind: 'open_email', email: 'first@x.io' }]);
    const before = await contactByEmail(p, 'first@x.io');
    expect(codes(await applyProfiles(p, [upsert('first@x.io')]))).toBe('n');
    expect(codes(await applyProfiles(p, [upsert('first@x.io', {}, { created_at: given })]))).toBe('n');
    expect(await contactByEmail(p, 'first@x.io')).toMatchObject({ created_at: before?.created_at, version: 1 });
  });
});

describe('order: "two writes … sent one after the other always end as if applied in that order"', () => {
  test('3,000 numbered upserts over 7 contacts, in requests of 50, none waited for', async () => {
    const sent: string[] = [];
    for (let from = 0; from < 3_000; from += 50) {
      const ops = Array.from({ length: 50 }, (_, n) => upsert(`order${(from + n) % 7}@x.io`, { custom_number_1: from + n }));
      sent.push(...(await sendProfiles(p, ops)));
    }
    await delivered(p, sent, 60_000);
    for (let c = 0; c < 7; c += 1) {
      const numbers = Array.from({ length: 3_000 }, (_, n) => n).filter((n) => n % 7 === c);
      const contact = await contactByEmail(p, `order${c}@x.io`);
      expect(contact).toMatchObject({ version: numbers.length, fields: { custom_number_1: numbers.at(-1) } });
      expect((await mirrorOf(p, contact?.contact_id ?? 0))?.custom_number_1).toBe(numbers.at(-1));
      const seen = (await history(p, contact?.contact_id ?? 0)).slice(1).map((e) => e.changes.custom_number_1);
      expect(seen).toEqual(numbers.slice(1).map((n, i) => ({ old: numbers[i], new: n })));
    }
  });

  test('"what an item did does not depend on how items were chunked": several chunks of one request, one lane', async () => {
    const ops = Array.from({ length: 1_700 }, (_, n) => upsert('long@x.io', { custom_number_1: n }));
    const ids = await sendProfiles(p, ops);
    expect(ids).toHaveLength(2);
    const rows = await delivered(p, ids);
    expect(rows.map((r) => r.verdicts.length)).toEqual([1_000, 700]);
    const contact = await contactByEmail(p, 'long@x.io');
    expect(contact).toMatchObject({ version: 1_700, fields: { custom_number_1: 1_699 } });
    const numbers = (await history(p, contact?.contact_id ?? 0)).slice(1).map((e) => e.changes.custom_number_1?.new);
    expect(numbers).toEqual(Array.from({ length: 1_699 }, (_, n) => n + 1));
  });
});

describe('Idempotency-Key: "a request that got no 2xx may be sent again safely"', () => {
  test('the repeated request changes nothing, whatever happened in between', async () => {
    const root = '0190a0a0-0000-7000-8000-000000000001';
    const items = [upsert('idem@x.io', { custom_number_1: 1 }), upsert('idem@x.io', { custom_number_1: 2 })];
    expect(codes(await applyProfiles(p, items, { root, idem: true }))).toBe('cu');
    await applyProfiles(p, [upsert('idem@x.io', { custom_number_1: 3 })]);
    const [a, b] = await Promise.all([0, 1].map(() => addChunk(p, { kind: 'profile', lane: 0 }, items, { root, idem: true })));
    const rows = await delivered(p, [a ?? '', b ?? '']);
    expect(rows.map(codes)).toEqual(['dd', 'dd']);
    expect((await contactByEmail(p, 'idem@x.io'))?.fields).toEqual({ custom_number_1: 3 });
  });
});
