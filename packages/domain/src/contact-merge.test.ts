import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContactPatch } from './contact.ts';
import { applyPatch, type ContactState, type MergeResult } from './contact-merge.ts';

const T1 = '2024-01-01T00:00:00.000Z';
const T2 = '2024-02-02T00:00:00.000Z';
const T0 = '2019-05-05T05:05:05.000Z';

const state = (fields: ContactState['fields'] = {}, more: Partial<ContactState> = {}): ContactState => ({
  contact_id: 7,
  email: 'a@b.co',
  external_id: null,
  created_at: T1,
  updated_at: T1,
  version: 3,
  created_by_event: false,
  fields,
  ...more,
});
const patch = (fields: ContactPatch['fields'] = {}, more: Partial<ContactPatch> = {}): ContactPatch => ({
  email: 'a@b.co',
  fields,
  ...more,
});
const stored = (result: MergeResult): ContactState => ({ contact_id: 7, ...result.next });

describe('applyPatch', () => {
  test('unknown email creates', () => {
    expect(applyPatch(null, patch({ first_name: 'A', last_name: null }, { external_id: 'x' }), T1)).toEqual({
      action: 'created',
      next: {
        email: 'a@b.co',
        external_id: 'x',
        created_at: T1,
        updated_at: T1,
        version: 1,
        created_by_event: false,
        fields: { first_name: 'A' },
      },
      changes: { external_id: { old: null, new: 'x' }, first_name: { old: null, new: 'A' } },
    });
    expect(applyPatch(null, patch(), T1)).toMatchObject({ action: 'created', changes: {} });
    expect(() => applyPatch(null, { fields: {} }, T1)).toThrow(TypeError);
  });

  test('known email merges the given fields: absent = keep, null = remove, value = set', () => {
    const result = applyPatch(
      state({ first_name: 'A', last_name: 'B', state: 'x' }),
      patch({ first_name: 'C', last_name: null, phone: '' }),
      T2,
    );
    expect(result).toMatchObject({ action: 'updated', next: { version: 4, updated_at: T2, created_at: T1, email: 'a@b.co' } });
    expect(result.next.fields).toEqual({ first_name: 'C', state: 'x', phone: '' });
    expect(result.changes).toEqual({
      first_name: { old: 'A', new: 'C' },
      last_name: { old: 'B', new: null },
      phone: { old: null, new: '' },
    });
  });

  test('contact.updated holds exactly the fields whose value changed; unchanged writes nothing', () => {
    const before = state({ first_name: 'A', custom_number_1: 0, custom_json_1: { a: 1, b: [1, { c: null }] } }, { external_id: 'x' });
    const result = applyPatch(
      before,
      patch({ first_name: 'A', last_name: null, custom_number_1: -0, custom_json_1: { b: [1, { c: null }], a: 1 } }, { external_id: 'x' }),
      T2,
    );
    expect(result).toMatchObject({ action: 'unchanged', changes: {}, next: { version: 3, updated_at: T1 } });
    expect(result.next.fields).toBe(before.fields);
  });

  test('json is compared deeply: key order is irrelevant, array order is not', () => {
    const change = (a: ContactPatch['fields'][string], b: ContactPatch['fields'][string]): string =>
      applyPatch(state({ custom_json_1: a }), patch({ custom_json_1: b }), T2).action;
    expect(change({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } })).toBe('unchanged');
    expect(change([1, 2], [2, 1])).toBe('updated');
    expect(change([1], [1, 2])).toBe('updated');
    expect(change([], {})).toBe('updated');
    expect(change({}, [])).toBe('updated');
    expect(change({ a: 1 }, { b: 1 })).toBe('updated');
    expect(change({ a: null }, {})).toBe('updated');
    expect(change({ a: 1 }, { a: '1' })).toBe('updated');
    expect(change({ a: null }, { a: {} })).toBe('updated');
  });

  test('an empty string and no value are different', () => {
    expect(applyPatch(state({ phone: '' }), patch({ phone: '' }), T2).action).toBe('unchanged');
    expect(applyPatch(state({ phone: '' }), patch({ phone: null }), T2).changes).toEqual({ phone: { old: '', new: null } });
  });

  test('external_id is part of the changes; null removes it', () => {
    expect(applyPatch(state(), patch({}, { external_id: 'x' }), T2).changes).toEqual({ external_id: { old: null, new: 'x' } });
    const removed = applyPatch(state({}, { external_id: 'x' }), patch({}, { external_id: null }), T2);
    expect(removed.changes).toEqual({ external_id: { old: 'x', new: null } });
    expect(removed.next.external_id).toBeNull();
    expect(applyPatch(state({}, { external_id: 'x' }), patch(), T2).next.external_id).toBe('x');
  });

  test('created_at: settable when the contact is created, never changed afterwards', () => {
    const created = applyPatch(null, patch({}, { created_at: T0 }), T1);
    expect(created).toMatchObject({ next: { created_at: T0, updated_at: T1 }, changes: { created_at: { old: null, new: T0 } } });
    expect(applyPatch(stored(created), patch({}, { created_at: T2 }), T2)).toMatchObject({
      action: 'unchanged',
      next: { created_at: T0 },
      changes: {},
    });
  });

  test('created_at: settable by the first upsert of a contact that an event created', () => {
    const first = applyPatch(state({}, { created_by_event: true }), patch({}, { created_at: T0 }), T2);
    expect(first).toMatchObject({ action: 'updated', changes: { created_at: { old: T1, new: T0 } } });
    expect(first.next).toMatchObject({ created_at: T0, created_by_event: false, version: 4 });
    expect(applyPatch(stored(first), patch({}, { created_at: T2 }), T2).action).toBe('unchanged');
  });

  test('clearing the event flag alone is no update', () => {
    for (const more of [{}, { created_at: T1 }]) {
      const result = applyPatch(state({}, { created_by_event: true }), patch({}, more), T2);
      expect(result).toMatchObject({ action: 'unchanged', changes: {}, next: { created_by_event: false, version: 3, updated_at: T1 } });
    }
  });

  test('two items of one contact: 1→2→1 are two updates, each with its own changes and version', () => {
    const first = applyPatch(state({ state: '1' }), patch({ state: '2' }), T2);
    const second = applyPatch(stored(first), patch({ state: '1' }), T2);
    expect([first.action, second.action]).toEqual(['updated', 'updated']);
    expect([first.next.version, second.next.version]).toEqual([4, 5]);
  });

  const values = fc.oneof(
    fc.constantFrom(null, '', 'a', 'b', 0, 1.5),
    fc.dictionary(fc.constantFrom('x', 'y'), fc.nat(2)),
    fc.array(fc.nat(2)),
  );
  const patches = fc.record(
    {
      email: fc.constant('a@b.co'),
      external_id: fc.constantFrom(null, 'x', 'y'),
      created_at: fc.constantFrom(T0, T1),
      fields: fc.dictionary(
        fc.constantFrom('first_name', 'custom_json_1', 'custom_number_1', 'state'),
        values as fc.Arbitrary<ContactPatch['fields'][string]>,
      ),
    },
    { requiredKeys: ['email', 'fields'] },
  ) as fc.Arbitrary<ContactPatch>;

  test('property: the same patch twice is unchanged; nothing given is modified; changes lead from old to new', () => {
    fc.assert(
      fc.property(fc.array(patches, { minLength: 1, maxLength: 6 }), (all) => {
        let current: ContactState | null = null;
        for (const given of all) {
          const before = structuredClone(current);
          const result = applyPatch(current, given, T2);
          expect(current).toEqual(before);
          expect(result.action === 'unchanged').toBe(current !== null && Object.keys(result.changes).length === 0);
          for (const [name, change] of Object.entries(result.changes)) {
            expect(change.old).not.toEqual(change.new);
            if (name in given.fields) expect(before?.fields[name] ?? null).toEqual(change.old);
            if (name in given.fields) expect(result.next.fields[name] ?? null).toEqual(change.new);
          }
          expect(Object.values(result.next.fields)).not.toContain(null);
          current = stored(result);
          expect(applyPatch(current, given, T2).action).toBe('unchanged');
        }
      }),
    );
  });
});
