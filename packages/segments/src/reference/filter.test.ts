/** Section 5.2 of the specification: operators on strings and numbers, and negation, one test for each row and sentence. */
import { describe, expect, test } from 'vitest';
import { passing } from './fixtures/build.ts';

type Operator = Parameters<typeof passing>[1];

const TEXTS = ['Ada', 'ada', 'ADA LOVELACE', 'Bob', '', undefined];

const texts = (operator: Operator, string_values: string[], candidates: readonly (string | undefined)[] = TEXTS) =>
  passing('string', operator, { string_values }, candidates);

describe('strings', () => {
  test('equals: case-sensitive', () => {
    expect(texts('equals', ['Ada'])).toEqual(['Ada']);
  });

  test('equals: several values = any of', () => {
    expect(texts('equals', ['Ada', 'Bob', 'nobody'])).toEqual(['Ada', 'Bob']);
  });

  test('not_equals: several values = none of; also those without a value', () => {
    expect(texts('not_equals', ['Ada', 'Bob'])).toEqual(['ada', 'ADA LOVELACE', '', undefined]);
  });

  test('equals: an empty text is a value', () => {
    expect(texts('equals', [''])).toEqual(['']);
    expect(texts('not_equals', [''])).toEqual(['Ada', 'ada', 'ADA LOVELACE', 'Bob', undefined]);
  });

  test('equals: the same text only, whatever it looks like', () => {
    const odd = [
      "O'Brien",
      'say "hi"',
      'back\\slash',
      '100%',
      'a_b',
      "'; DROP TABLE contacts; --",
      '😀',
      'e\u0301',
      '\u00e9',
      'a ',
      ' a',
      'x\ny',
    ];
    for (const text of odd) expect(texts('equals', [text], odd)).toEqual([text]);
  });

  test('contains: case-insensitive literal substring', () => {
    expect(texts('contains', ['aDa'])).toEqual(['Ada', 'ada', 'ADA LOVELACE']);
    expect(texts('contains', ['love'])).toEqual(['ADA LOVELACE']);
  });

  test('contains: `%`, `_` are ordinary', () => {
    const odd = ['50% off', '50 off', 'a_b', 'axb', 'back\\slash', '.*'];
    expect(texts('contains', ['%'], odd)).toEqual(['50% off']);
    expect(texts('contains', ['0%o'], odd)).toEqual([]);
    expect(texts('contains', ['A_B'], odd)).toEqual(['a_b']);
    expect(texts('contains', ['\\'], odd)).toEqual(['back\\slash']);
    expect(texts('contains', ['.*'], odd)).toEqual(['.*']);
  });

  test('contains: several = any of; not_contains: none of', () => {
    expect(texts('contains', ['love', 'BO'])).toEqual(['ADA LOVELACE', 'Bob']);
    expect(texts('not_contains', ['love', 'BO'])).toEqual(['Ada', 'ada', '', undefined]);
  });

  test('starts_with / ends_with: case-insensitive, literal', () => {
    const odd = ['Ada L', 'ada_x', 'LADA', '%ada', 'Ada', undefined];
    expect(texts('starts_with', ['ADA'], odd)).toEqual(['Ada L', 'ada_x', 'Ada']);
    expect(texts('ends_with', ['ada'], odd)).toEqual(['LADA', '%ada', 'Ada']);
    expect(texts('starts_with', ['%'], odd)).toEqual(['%ada']);
    expect(texts('starts_with', ['ada_'], odd)).toEqual(['ada_x']);
    expect(texts('ends_with', ['_x', ' l'], odd)).toEqual(['Ada L', 'ada_x']);
  });

  test('"case-insensitive": both sides in lower case, final sigma read as sigma', () => {
    const odd = ['ΟΔΟΣ', 'οδος', 'οδοσ', 'οδός', 'ÉCOLE', 'école', 'İZMİR', 'izmir', 'STRASSE', 'Straße'];
    expect(texts('contains', ['οδος'], odd)).toEqual(['ΟΔΟΣ', 'οδος', 'οδοσ']);
    expect(texts('ends_with', ['Σ'], odd)).toEqual(['ΟΔΟΣ', 'οδος', 'οδοσ', 'οδός']);
    expect(texts('starts_with', ['éc'], odd)).toEqual(['ÉCOLE', 'école']);
    // The lower case of İ is i with a dot above, which is not a plain i.
    expect(texts('contains', ['izmir'], odd)).toEqual(['izmir']);
    expect(texts('contains', ['i\u0307zmi\u0307r'], odd)).toEqual(['İZMİR']);
    expect(texts('contains', ['straße'], odd)).toEqual(['Straße']);
  });

  test('is_set / is_not_set: an empty string is set', () => {
    expect(passing('string', 'is_set', {}, TEXTS)).toEqual(['Ada', 'ada', 'ADA LOVELACE', 'Bob', '']);
    expect(passing('string', 'is_not_set', {}, TEXTS)).toEqual([undefined]);
  });
});

describe('numbers', () => {
  const NUMBERS = [-1.5, 0, 0.1, 1, 2, 9007199254740992, 1e21, undefined];
  const numbers = (operator: Operator, ...number_values: number[]) => passing('number', operator, { number_values }, NUMBERS);

  test.each([
    ['gt', 1, [2, 9007199254740992, 1e21]],
    ['gte', 1, [1, 2, 9007199254740992, 1e21]],
    ['lt', 0.1, [-1.5, 0]],
    ['lte', 0.1, [-1.5, 0, 0.1]],
  ] as const)('gt gte lt lte: %s %d; without a value nothing matches', (operator, value, expected) => {
    expect(numbers(operator, value)).toEqual(expected);
  });

  test('equals / not_equals: any of / none of', () => {
    expect(numbers('equals', 0.1, 1e21, 7)).toEqual([0.1, 1e21]);
    expect(numbers('not_equals', 0.1, 1e21, 7)).toEqual([-1.5, 0, 1, 2, 9007199254740992, undefined]);
  });

  test('numbers: IEEE double; -0 = 0', () => {
    expect(numbers('equals', -0)).toEqual([0]);
    expect(numbers('gt', -0)).toEqual([0.1, 1, 2, 9007199254740992, 1e21]);
    expect(numbers('equals', JSON.parse('9007199254740993'))).toEqual([9007199254740992]);
    expect(numbers('equals', 0.1 + 0.2 - 0.2)).not.toEqual([0.1]);
  });

  test('is_set / is_not_set: 0 is set', () => {
    expect(passing('number', 'is_set', {}, [0, 5, undefined])).toEqual([0, 5]);
    expect(passing('number', 'is_not_set', {}, [0, 5, undefined])).toEqual([undefined]);
  });
});

describe('negation is the exact complement', () => {
  const candidates = {
    string: TEXTS,
    number: [0, 1, undefined],
    time: ['2026-06-15T00:00:00.000Z', '2020-01-01T00:00:00.000Z', undefined],
  };
  test.each([
    ['string', 'equals', 'not_equals', { string_values: ['Ada', ''] }],
    ['string', 'contains', 'not_contains', { string_values: ['a'] }],
    ['string', 'is_set', 'is_not_set', {}],
    ['number', 'equals', 'not_equals', { number_values: [0] }],
    ['number', 'is_set', 'is_not_set', {}],
    ['time', 'in_date_range', 'not_in_date_range', { string_values: ['2026-01-01', '2026-12-31'] }],
    ['time', 'in_the_last_days', 'not_in_the_last_days', { string_values: ['7'] }],
    ['time', 'is_set', 'is_not_set', {}],
  ] as const)(
    '%s: %s and %s match every contact that the other does not, also those without a value',
    (type, positive, negative, values) => {
      const all: readonly (string | number | undefined)[] = candidates[type];
      const yes = passing(type, positive, copyOf(values), all);
      const no = passing(type, negative, copyOf(values), all);
      expect(yes.length).toBeGreaterThan(0);
      expect(all.filter((value) => !yes.includes(value))).toEqual(no);
      expect(no).toContain(undefined);
    },
  );
});

function copyOf(values: { readonly string_values?: readonly string[]; readonly number_values?: readonly number[] }) {
  return {
    ...(values.string_values && { string_values: [...values.string_values] }),
    ...(values.number_values && { number_values: [...values.number_values] }),
  };
}
