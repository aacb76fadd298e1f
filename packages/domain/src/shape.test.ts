import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkShape, isPlainJson, jsonBytes, MAX_CONTACT_BYTES, MAX_EVENT_BYTES, measureShape } from './shape.ts';

const code = (json: string, max = MAX_EVENT_BYTES): string | null => checkShape(JSON.parse(json), max)?.code ?? null;
const nested = (levels: number): string => `${`{"a":`.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;

describe('checkShape', () => {
  test.each(['__proto__', 'constructor', 'prototype'])('%s as a key at any depth: the item is rejected, forbidden_key', (key) => {
    expect(code(`{"${key}": 1}`)).toBe('forbidden_key');
    expect(code(`{"email": "a@b.c", "properties": {"x": [{"${key}": {"admin": true}}]}}`)).toBe('forbidden_key');
    expect(code(`{"name": "${key}"}`)).toBeNull();
    expect(code(`{"${key}_": 1}`)).toBeNull();
  });

  test.each(['\\u0000', '\\ud800', '\\udc00', 'x\\ud83d', '\\udc00\\ud800'])(
    'NUL and unpaired surrogates anywhere in an item: rejected, invalid_characters (%s)',
    (text) => {
      expect(code(`{"a": "${text}"}`)).toBe('invalid_characters');
      expect(code(`{"a": {"${text}": 1}}`)).toBe('invalid_characters');
      expect(code(`{"${text}": 1}`)).toBe('invalid_characters');
      expect(code(`{"a": [[["ok", "pad ${'é'.repeat(200)}${text}"]]]}`)).toBe('invalid_characters');
    },
  );

  test('paired surrogates and other control characters pass', () => {
    expect(code('{"a": "\\ud83d\\ude00 \\u0001 \\n"}')).toBeNull();
  });

  test('64 levels of nesting: the 65th is too_deep', () => {
    expect(code(nested(64))).toBeNull();
    expect(code(nested(65))).toBe('too_deep');
    expect(code(nested(64).replace('{}', '"leaf"'))).toBeNull();
    expect(code(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`)).toBeNull();
    expect(code(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`)).toBe('too_deep');
  });

  test('nesting of 200,000 levels is refused without overflowing the stack', () => {
    const levels = 200_000;
    let item: unknown = {};
    for (let i = 0; i < levels; i++) item = i % 2 === 0 ? [item] : { a: item };
    expect(checkShape({ a: item }, MAX_CONTACT_BYTES)?.code).toBe('too_deep');
    expect(checkShape(item, MAX_CONTACT_BYTES)?.code).toBe('too_deep');
  });

  test('256 KiB a contact, 32 KiB an event: counted in bytes of JSON, to the byte', () => {
    for (const max of [MAX_CONTACT_BYTES, MAX_EVENT_BYTES]) {
      const room = max - '{"a":""}'.length;
      expect(checkShape({ a: 'x'.repeat(room) }, max)).toBeNull();
      expect(checkShape({ a: 'x'.repeat(room + 1) }, max)?.code).toBe('too_large');
      expect(checkShape({ a: 'é'.repeat(room / 2) }, max)).toBeNull();
      expect(checkShape({ a: 'é'.repeat(room / 2 + 1) }, max)?.code).toBe('too_large');
      expect(checkShape({ a: ['x'.repeat(room - 2)] }, max)).toBeNull();
      expect(checkShape({ a: ['x'.repeat(room - 1)] }, max)?.code).toBe('too_large');
    }
    expect(checkShape(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 1])), MAX_EVENT_BYTES)?.code).toBe('too_large');
  });

  test('numbers: non-finite is an error, also inside JSON values', () => {
    expect(code('{"a": {"b": [1e999]}}')).toBe('invalid_number');
    expect(code('{"a": -1e999}')).toBe('invalid_number');
    expect(code('{"a": 1.7976931348623157e308}')).toBeNull();
  });

  test('the field named is the one that holds the fault; index is passed on', () => {
    const item: unknown = JSON.parse('{"email": "a@b.c", "custom_json_2": {"x": {"__proto__": 1}}}');
    expect(checkShape(item, MAX_CONTACT_BYTES, 7)).toMatchObject({ index: 7, field: 'custom_json_2', code: 'forbidden_key' });
    expect(checkShape({ a: 'x'.repeat(40_000) }, MAX_EVENT_BYTES)).toMatchObject({ field: '', code: 'too_large' });
  });

  test('what is not JSON is invalid_type', () => {
    expect(checkShape({ a: undefined }, 1000)?.code).toBe('invalid_type');
    expect(checkShape({ a: 1n }, 1000)?.code).toBe('invalid_type');
    expect(checkShape(undefined, 1000)?.code).toBe('invalid_type');
  });

  test('property: never throws, and the size is that of JSON.stringify', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), (value) => {
        const result = measureShape(value, Number.POSITIVE_INFINITY);
        if (typeof result === 'number') {
          expect(result).toBe(Buffer.byteLength(JSON.stringify(value)));
          expect(jsonBytes(value)).toBe(result);
          expect(checkShape(value, result)).toBeNull();
          expect(checkShape(value, result - 1)?.code).toBe('too_large');
        } else {
          expect(result.code).toMatch(/^(forbidden_key|invalid_characters)$/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('plain text', () => {
  test('escapes and names of prototypes are not plain, wherever they are', () => {
    for (const text of ['{"a":"\\u0000"}', '{"\\u005f_proto__":1}', '{"constructor":1}', '{"a":"prototype"}', '{"__proto__":{}}'])
      expect(isPlainJson(text), text).toBe(false);
    expect(isPlainJson('{"email":"zoë@x.org","n":"a\\nb 😀"}')).toBe(true);
  });

  test('property: what plain text makes is judged as the exact walk judges it, and its size is bounded', () => {
    const anything = fc.oneof(
      fc.json({ maxDepth: 5 }),
      fc.json({ stringUnit: 'binary', maxDepth: 3 }),
      fc.constantFrom(nested(64), nested(65), '{"n":1e999}', '{"a":[1e999]}', JSON.stringify({ a: 'x'.repeat(MAX_EVENT_BYTES - 8) })),
      fc.integer({ min: 5_000, max: 6_000 }).map((n) => JSON.stringify({ a: '\n'.repeat(n), b: 'é'.repeat(n) })),
    );
    fc.assert(
      fc.property(anything, (text) => {
        if (!isPlainJson(text)) return;
        const exact = measureShape(JSON.parse(text), MAX_EVENT_BYTES);
        const quick = measureShape(JSON.parse(text), MAX_EVENT_BYTES, undefined, true);
        if (typeof exact === 'number') expect(quick).toBeGreaterThanOrEqual(exact);
        else expect(quick).toEqual(exact);
      }),
      { numRuns: 2_000 },
    );
  });
});
