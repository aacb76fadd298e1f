/** JSON values of mixed types, mostly of a few shapes, and the paths that lead into those shapes. */
import type { JsonObject, JsonValue } from '@muster/domain';
import fc from 'fast-check';
import { numberArbitrary, textArbitrary } from './pools.ts';
import { datelikeArbitrary } from './times.ts';

const KEYS = [
  'a',
  'b',
  'tags',
  '0',
  '1',
  '01',
  '-1',
  '',
  "it's",
  'say "hi"',
  'x.y',
  'sp ace',
  'ключ',
  '😀',
  'back\\slash',
  '$',
  '[0]',
  '%',
  'A',
  'length',
  'toString',
];
const STEPS = [...KEYS, '00', '2', '99999999999999999999'];

const keyArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', '0', 'tags') },
  { weight: 1, arbitrary: fc.constantFrom(...KEYS) },
);

function scalarArbitrary(anchor: number): fc.Arbitrary<JsonValue> {
  return fc.oneof(
    { weight: 4, arbitrary: textArbitrary },
    { weight: 4, arbitrary: numberArbitrary },
    { weight: 2, arbitrary: fc.boolean() },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: datelikeArbitrary(anchor) },
  );
}

/** Own keys only: assigning to some names would reach a prototype. */
function objectArbitrary(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  return fc.array(fc.tuple(keyArbitrary, value), { maxLength: 3, size: 'max' }).map((entries): JsonObject => Object.fromEntries(entries));
}

function anyArbitrary(scalar: fc.Arbitrary<JsonValue>, depth: number): fc.Arbitrary<JsonValue> {
  if (depth === 0) return scalar;
  const inner = anyArbitrary(scalar, depth - 1);
  return fc.oneof(scalar, fc.array(inner, { maxLength: 3, size: 'max' }), objectArbitrary(inner));
}

/** An object as `properties` hold it. */
export function jsonObjectArbitrary(anchor: number): fc.Arbitrary<JsonObject> {
  const scalar = scalarArbitrary(anchor);
  const array = fc.array(scalar, { maxLength: 4, size: 'max' });
  const shaped = fc.oneof(
    { weight: 3, arbitrary: scalar.map((a): JsonObject => ({ a })) },
    { weight: 3, arbitrary: fc.tuple(scalar, array).map(([a, tags]): JsonObject => ({ a, tags })) },
    { weight: 1, arbitrary: scalar.map((b): JsonObject => ({ a: { b } })) },
    { weight: 1, arbitrary: array.map((tags): JsonObject => ({ tags })) },
    { weight: 1, arbitrary: scalar.map((value): JsonObject => ({ 0: value })) },
  );
  return fc.oneof({ weight: 4, arbitrary: shaped }, { weight: 1, arbitrary: objectArbitrary(anyArbitrary(scalar, 2)) });
}

/** An object or an array as `custom_json_*` hold it. */
export function jsonFieldArbitrary(anchor: number): fc.Arbitrary<JsonValue> {
  const scalar = scalarArbitrary(anchor);
  const array: fc.Arbitrary<JsonValue> = fc.array(
    fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: anyArbitrary(scalar, 2) }),
    {
      maxLength: 4,
      size: 'max',
    },
  );
  return fc.oneof({ weight: 3, arbitrary: jsonObjectArbitrary(anchor) }, { weight: 1, arbitrary: array });
}

/** A path of at least one step. */
export const pathArbitrary: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<string[]>(['a']) },
  { weight: 2, arbitrary: fc.constantFrom<string[]>(['a', 'b'], ['tags', '0'], ['tags', '1'], ['0'], ['1']) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 3, size: 'max' }) },
);

/** A path that often leads to an array, the field itself among them. */
export const arrayPathArbitrary: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<string[]>(['tags']) },
  { weight: 1, arbitrary: fc.constant<string[]>([]) },
  { weight: 1, arbitrary: pathArbitrary },
);
