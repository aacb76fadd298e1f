import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ContactPatch, type NormaliseContext, normaliseContact, normaliseProfile } from './contact.ts';
import { CONTACT_FIELD_RULES, CONTACT_FIELDS } from './contact-fields.ts';
import type { Issue } from './issue.ts';
import { MAX_JSON_FIELD_BYTES } from './shape.ts';

const ctx: NormaliseContext = { timezone: 'Europe/Berlin', country: 'US' };

function accept(fields: Record<string, unknown>): { patch: ContactPatch; warnings: Issue[] } {
  const result = normaliseContact({ email: 'a@b.co', ...fields }, ctx);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.issues)}`);
  return result;
}
const value = (field: string, raw: unknown): unknown => accept({ [field]: raw }).patch.fields[field];
function faults(input: unknown): string[] {
  const result = normaliseContact(input, ctx);
  return result.ok ? [] : result.issues.map((fault) => `${fault.field}:${fault.code}`);
}
const fault = (field: string, raw: unknown): string[] => faults({ email: 'a@b.co', [field]: raw });
const warned = (fields: Record<string, unknown>): string[] => accept(fields).warnings.map((w) => `${w.field}:${w.code}`);

const TRIMMED = CONTACT_FIELD_RULES.filter((field) => field.rule === 'trimmed');
const TEXTS = CONTACT_FIELD_RULES.filter((field) => field.max > 0);

describe('normaliseContact', () => {
  test('CONTACT_FIELDS names every profile field of a contact once', () => {
    expect(CONTACT_FIELDS).toHaveLength(32);
    expect(new Set(CONTACT_FIELDS).size).toBe(32);
    expect(CONTACT_FIELDS).toEqual(expect.arrayContaining(['full_name', 'postcode', 'custom_json_5', 'custom_datetime_1']));
  });

  test('email: required; one key whatever casing and white space', () => {
    expect(faults({})).toEqual(['email:required']);
    expect(faults({ email: null })).toEqual(['email:required']);
    expect(faults({ email: 5 })).toEqual(['email:invalid_type']);
    expect(accept({ email: '\u00a0A@B.Co ' }).patch.email).toBe('a@b.co');
  });

  test.each([null, undefined, 5, 'a@b.co', [], [{ email: 'a@b.co' }], true])('an item that is no object is invalid_type: %j', (input) => {
    expect(faults(input)).toEqual([':invalid_type']);
  });

  test('tri-state: field absent = keep, null = remove the value, value = set', () => {
    expect(accept({}).patch).toEqual({ email: 'a@b.co', fields: {} });
    for (const field of CONTACT_FIELDS) expect(accept({ [field]: null }).patch.fields).toEqual({ [field]: null });
    expect(accept({ external_id: null }).patch.external_id).toBeNull();
    expect('external_id' in accept({}).patch).toBe(false);
  });

  test.each(TEXTS.map((field) => field.name))('an empty string is stored as "" (it is set), without a warning: %s', (field) => {
    expect(accept({ [field]: '' })).toMatchObject({ patch: { fields: { [field]: '' } }, warnings: [] });
  });

  test.each(TRIMMED.map((field) => field.name))('string, trimmed: %s', (field) => {
    expect(value(field, '\u00a0 Ada\u2003Q. \r\n')).toBe('Ada\u2003Q.');
    expect(value(field, ' \u00a0 ')).toBe('');
  });

  test('custom_string is not trimmed', () => {
    expect(value('custom_string_1', '  x ')).toBe('  x ');
  });

  test.each(TEXTS.map((field) => [field.name, field.max] as const))(
    'over-long values: the item is rejected, too_long; never cut; code points count: %s ≤ %i',
    (field, max) => {
      expect(value(field, '𝒳'.repeat(max))).toBe('𝒳'.repeat(max));
      expect(fault(field, '𝒳'.repeat(max + 1))).toEqual([`${field}:too_long`]);
      expect(fault(field, 'x'.repeat(max + 1))).toEqual([`${field}:too_long`]);
    },
  );

  test.each(TEXTS.map((field) => field.name))('only strings are strings: %s', (field) => {
    for (const raw of [1, true, {}, []]) expect(fault(field, raw)).toEqual([`${field}:invalid_type`]);
  });

  test('external_id ≤ 255, trimmed; "" is an error', () => {
    expect(accept({ external_id: ' cus_1\u00a0' }).patch.external_id).toBe('cus_1');
    expect(accept({ external_id: 'x'.repeat(255) }).patch.external_id).toHaveLength(255);
    expect(fault('external_id', 'x'.repeat(256))).toEqual(['external_id:too_long']);
    for (const raw of ['', '  ', '\u00a0']) expect(fault('external_id', raw)).toEqual(['external_id:empty_not_allowed']);
    for (const raw of [12, {}, false]) expect(fault('external_id', raw)).toEqual(['external_id:invalid_type']);
  });

  test('custom_number: finite number; a numeric string is an error; -0 = 0', () => {
    expect(value('custom_number_1', 1e308)).toBe(1e308);
    expect(Object.is(value('custom_number_1', -0), 0)).toBe(true);
    for (const raw of ['12', '', true, {}, []]) expect(fault('custom_number_1', raw)).toEqual(['custom_number_1:invalid_type']);
    expect(faults(JSON.parse('{"email":"a@b.co","custom_number_1":1e999}'))).toEqual(['custom_number_1:invalid_number']);
  });

  test("custom_datetime: RFC 3339 with offset, or YYYY-MM-DD (midnight in the workspace's timezone), stored UTC", () => {
    expect(value('custom_datetime_1', '2024-07-01')).toBe('2024-06-30T22:00:00.000Z');
    expect(value('custom_datetime_2', '2024-07-01T10:00:00+02:00')).toBe('2024-07-01T08:00:00.000Z');
    for (const raw of ['', '2023-02-30', '2024-07-01T10:00:00', 'yesterday', '01.07.2024']) {
      expect(fault('custom_datetime_1', raw)).toEqual(['custom_datetime_1:invalid_datetime']);
    }
    expect(fault('custom_datetime_1', 1719784800)).toEqual(['custom_datetime_1:invalid_type']);
  });

  test('custom_json: object or array, ≤ 32 KiB; scalars are an error', () => {
    expect(value('custom_json_1', { b: [1, { c: null }] })).toEqual({ b: [1, { c: null }] });
    expect(value('custom_json_1', [])).toEqual([]);
    for (const raw of ['{}', '', 5, true]) expect(fault('custom_json_1', raw)).toEqual(['custom_json_1:invalid_json_value']);
    const room = MAX_JSON_FIELD_BYTES - '[""]'.length;
    expect(value('custom_json_1', ['x'.repeat(room)])).toBeDefined();
    expect(fault('custom_json_1', ['x'.repeat(room + 1)])).toEqual(['custom_json_1:too_large']);
    const full = ['x'.repeat(room)];
    expect(faults({ email: 'a@b.co', custom_json_1: full, custom_json_2: full, custom_json_3: full })).toEqual([]);
  });

  test('created_at: RFC 3339, no bare date; null is ignored with a warning', () => {
    expect(accept({ created_at: '2020-01-01T00:00:00+01:00' }).patch.created_at).toBe('2019-12-31T23:00:00.000Z');
    for (const raw of ['2020-01-01', '', 'x']) expect(fault('created_at', raw)).toEqual(['created_at:invalid_datetime']);
    expect(warned({ created_at: null })).toEqual(['created_at:ignored_field']);
  });

  test('unknown field names, and read-only ones sent back, are ignored with a warning ignored_field per field', () => {
    const result = accept({ contact_lists: [], updated_at: 'x', contact_id: 4, nickname: 'Bo', Email: 'x', nothing: null, toString: 1 });
    expect(result.patch).toEqual({ email: 'a@b.co', fields: {} });
    expect(result.warnings.map((w) => w.field)).toEqual([
      'contact_lists',
      'updated_at',
      'contact_id',
      'nickname',
      'Email',
      'nothing',
      'toString',
    ]);
    expect(new Set(result.warnings.map((w) => w.code))).toEqual(new Set(['ignored_field']));
  });

  test('warnings of one item are bounded, and the last one says that there are more', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`unknown_${i}`, i]));
    const { warnings } = accept(many);
    expect(warnings).toHaveLength(251);
    expect(warnings.at(-1)).toMatchObject({ field: '', code: 'ignored_field' });
    expect(accept({ ['k'.repeat(10_000)]: 1 }).warnings[0]?.field.length).toBeLessThan(110);
  });

  test('__proto__ as a key is rejected and pollutes nothing', () => {
    expect(faults(JSON.parse('{"email":"a@b.co","__proto__":{"first_name":"x"}}'))).toEqual(['__proto__:forbidden_key']);
    expect(faults(JSON.parse('{"email":"a@b.co","custom_json_1":[{"constructor":{}}]}'))).toEqual(['custom_json_1:forbidden_key']);
    expect(Object.hasOwn(Object.prototype, 'first_name')).toBe(false);
  });

  test('NUL and unpaired surrogates anywhere in an item: rejected, invalid_characters', () => {
    expect(faults({ email: 'a@b.co', first_name: 'a\0' })).toEqual(['first_name:invalid_characters']);
    expect(faults({ email: 'a@b.co', custom_json_1: ['\ud800'] })).toEqual(['custom_json_1:invalid_characters']);
    expect(faults({ email: 'a@b.co', ignored: '\udc00' })).toEqual(['ignored:invalid_characters']);
  });

  test('errors name index, field, code, message: one per faulty field, every fault reported', () => {
    const result = normaliseContact(
      { email: 'nope', first_name: 1, custom_number_1: '1', custom_json_1: 2, created_at: 'x', external_id: '' },
      ctx,
      12,
    );
    expect(result.ok).toBe(false);
    if (result.ok) return;
    expect(result.issues.map((fault) => fault.field)).toEqual([
      'email',
      'first_name',
      'custom_number_1',
      'custom_json_1',
      'created_at',
      'external_id',
    ]);
    for (const entry of result.issues) {
      expect(entry.index).toBe(12);
      expect(entry.message).toMatch(/^\S.*\.$/);
    }
  });

  test('messages never contain the value', () => {
    const secret = 'S3CRET';
    for (const field of [...CONTACT_FIELDS, 'email', 'created_at', 'updated_at', 'other']) {
      for (const raw of [secret, secret.repeat(100), [secret.repeat(10_000)], { [secret]: secret }]) {
        const result = normaliseContact({ email: 'a@b.co', [field]: raw }, ctx);
        const said = [...(result.ok ? [] : result.issues), ...result.warnings].map((entry) => entry.message).join();
        expect(said).not.toContain(secret);
      }
    }
  });

  test('hint for phones: country of the same item, wherever it stands, else the default of the workspace', () => {
    expect(value('phone', '(415) 555-2671')).toBe('+14155552671');
    expect(accept({ phone: '020 7946 0958', country: 'United Kingdom' }).patch.fields.phone).toBe('+442079460958');
    expect(accept({ country: 'uk', phone: '020 7946 0958' }).patch.fields.phone).toBe('+442079460958');
    expect(accept({ phone: '(415) 555-2671', country: 'Atlantis' }).patch.fields.phone).toBe('+14155552671');
    expect(accept({ phone: '(415) 555-2671', country: null }).patch.fields.phone).toBe('+14155552671');
  });

  test('what is not recognised is kept as given with a warning', () => {
    const given = { phone: 'ask Bob', timezone: 'Mars/Base', language: 'english', country: 'Atlantis' };
    expect(accept(given).patch.fields).toEqual(given);
    expect(warned(given).sort()).toEqual([
      'country:unrecognised_country',
      'language:unrecognised_language',
      'phone:unrecognised_phone',
      'timezone:unrecognised_timezone',
    ]);
    expect(accept({ timezone: 'america/new_york', language: 'pt_br', country: 'deu' }).patch.fields).toEqual({
      timezone: 'America/New_York',
      language: 'pt-BR',
      country: 'DE',
    });
  });

  test('without a required email, an item may name its contact by external_id', () => {
    expect(normaliseProfile({ external_id: 'u1', first_name: 'A' }, ctx, undefined, false)).toEqual({
      ok: true,
      patch: { external_id: 'u1', fields: { first_name: 'A' } },
      warnings: [],
    });
    expect(normaliseProfile({ email: null, external_id: 'u1' }, ctx, undefined, false).ok).toBe(true);
    expect(normaliseProfile({ email: 'x', external_id: 'u1' }, ctx, undefined, false).ok).toBe(false);
  });

  test('property: any JSON is answered, the input is not modified, and what is accepted normalises to itself', () => {
    const name = fc.constantFrom(...CONTACT_FIELDS, 'email', 'external_id', 'created_at', 'x');
    const raw = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(' A@b.CO ', '2024-03-31', '2024-01-01T00:00:00+02:00', '+1 415 555 2671', 'Germany', 'de_de', 'europe/paris', '', -0),
    );
    fc.assert(
      fc.property(fc.dictionary(name, raw as fc.Arbitrary<unknown>), (fields) => {
        const input = { email: 'a@b.co', ...fields };
        const before = JSON.stringify(input);
        const result = normaliseContact(input, ctx, 1);
        expect(JSON.stringify(input)).toBe(before);
        if (!result.ok) {
          expect(result.issues.length).toBeGreaterThan(0);
          return;
        }
        const { fields: stored, ...rest } = result.patch;
        const again = normaliseContact({ ...rest, ...stored }, ctx, 1);
        expect(again).toMatchObject({ ok: true, patch: result.patch });
      }),
      { numRuns: 2000 },
    );
  });
});
