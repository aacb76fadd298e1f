/**
 * The values that worlds and trees are made of. Both draw from the same small pools, with a few favourites, so that what a tree asks
 * for is often there; the rest is whatever has ever broken a query: quotes, wildcards, case mappings, limits.
 */
import fc from 'fast-check';

export const TIMEZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
] as const;

export const LIST_IDS = ['news', 'vip', '0-b_c'] as const;
/** Every world has these segments; each may refer to those before it. */
export const SEGMENT_IDS = ['first', 'second_1', '3'] as const;

/** Instants at which to ask: ordinary ones, days on which DST starts or ends, leap days, the end of a year, a day that never was. */
export const NOWS: readonly number[] = [
  '2026-06-15T12:34:56.789Z',
  '2026-03-29T01:00:00.000Z',
  '2026-10-25T00:30:00.000Z',
  '2026-02-28T23:30:00.000Z',
  '2028-02-29T12:00:00.000Z',
  '2026-12-31T23:59:59.999Z',
  '2018-11-04T03:00:00.000Z',
  '2011-12-30T10:00:00.000Z',
].map((text) => Date.parse(text));

/** A few favourites of a pool more often than all of it. */
export function favouring<T>(favourites: readonly T[], all: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...favourites) }, { weight: 1, arbitrary: fc.constantFrom(...all) });
}

const FAVOURITE_TEXTS = ['Ada', 'ada lovelace', "O'Brien 100%", 'ΟΔΟΣ', ''];
const TEXTS = [
  ...FAVOURITE_TEXTS,
  ...[
    'ADA',
    'οδος',
    'οδός',
    'ΣΣ',
    'İstanbul',
    'istanbul',
    'i\u0307',
    'ıI',
    'ÉCOLE',
    'école',
    'e\u0301cole',
    'Straße',
    'STRASSE',
    'ẞ',
    '\u212a',
  ],
  ...[
    'say "hi"',
    'back\\slash',
    '\\',
    "\\'",
    '%',
    '_',
    '50% off',
    'a_b',
    'axb',
    'a%b',
    '*.?',
    '{p:String}',
    '{{x}}',
    '`x`',
    '?',
    '$1',
    ':p',
  ],
  ...[
    "'; DROP TABLE contacts; --",
    "' OR '1'='1",
    '") OR 1=1 /*',
    '😀',
    '👩‍👧 x',
    '日本語',
    'עברית',
    'a\u00a0b',
    'x\ny',
    'x\ty',
    '\u0001',
    '\ufffd',
    '\uffff',
  ],
  ...['true', 'FALSE', 'null', '42', '0', '-1', '1e3', '2026-06-15', 'ada@example.com', 'x'.repeat(200), 'É'.repeat(100)],
];

/** Texts that a field may hold and a tree may name. */
export const textArbitrary: fc.Arbitrary<string> = favouring(FAVOURITE_TEXTS, TEXTS);

/** Texts of at most `max` characters without white space around them: what fields of a contact hold. */
export function fieldTextArbitrary(max: number): fc.Arbitrary<string> {
  return favouring(
    FAVOURITE_TEXTS,
    TEXTS.filter((text) => [...text].length <= max && text.trim() === text),
  );
}

/** Texts that are not empty: keys of events. */
export const KEY_TEXTS: readonly string[] = ['A-1', 'a-1', 'k%', "k'2", 'k"3', 'ключ', '😀', '\uff5e', 'k\\4', 'k_5'];

/** A piece of a text of the pools, in any case: what to look for in texts. Never empty. */
export const pieceArbitrary: fc.Arbitrary<string> = fc
  .tuple(textArbitrary, fc.nat(12), fc.integer({ min: 1, max: 4 }), fc.constantFrom('as is', 'upper', 'lower'))
  .map(([text, start, length, casing]) => {
    const characters = [...text];
    const piece =
      characters
        .slice(start % Math.max(1, characters.length))
        .slice(0, length)
        .join('') || 'a';
    return casing === 'upper' ? piece.toUpperCase() : casing === 'lower' ? piece.toLowerCase() : piece;
  });

const FAVOURITE_NUMBERS = [0, 1, 2, 0.3, 42];
const NUMBERS = [
  ...FAVOURITE_NUMBERS,
  ...[0.1, 0.2, 0.1 + 0.2, -2.5, 1.5, 100, 1e20, 1e21, -1e21, 1e-7, -1e-7, 2 ** 53, 2 ** 53 - 1, 2 ** 63, 123456789.123],
  ...[JSON.parse('9007199254740993') as number, Number.MAX_VALUE, Number.MIN_VALUE, Number('12345678901234.5678'), 1e34],
];

/** Numbers as a world holds them. */
export const numberArbitrary: fc.Arbitrary<number> = favouring(FAVOURITE_NUMBERS, NUMBERS);
/** Numbers as a tree may name them: -0, which is 0, among them. */
export const askedNumberArbitrary: fc.Arbitrary<number> = favouring(FAVOURITE_NUMBERS, [...NUMBERS, -0]);

/** Goal values: canonical decimals. */
export const goalValueArbitrary: fc.Arbitrary<string> = favouring(
  ['10', '0.1', '0.2', '20'],
  [
    '0',
    '0.3',
    '-0.1',
    '-0.3',
    '19.9',
    '100',
    '-5',
    '33.3333',
    '0.0001',
    '-0.0001',
    '999999999999999',
    '-999999999999999',
    '99999999999.9999',
    '12345678901234.5678',
  ],
);
/** What an aggregate of goal values is compared with. */
export const askedGoalArbitrary: fc.Arbitrary<number> = favouring(
  [0, 10, 0.3, 1, 15],
  [0.1, 0.2, 0.15, 20, 30, 2, -5, 0.00005, 33.3333, 33.33333333, 19.9, 1e15, -1e15, 999999999999999, 1e-10, -0, 2.5],
);

/** Numbers of days, also those between which and now the times of a world lie. */
export const DAYS = ['0.5', '1', '2', '7', '30', '365'] as const;
export const daysArbitrary: fc.Arbitrary<string> = favouring<string>(DAYS, [
  ...DAYS,
  '90',
  '36525',
  '0.00000002',
  '1.5',
  '007',
  '366',
  '364.999999999',
]);

export const EVENT_NAMES = ['order', 'page/view', 'a.b_c-0'] as const;
export const GOAL_NAMES = ['Shop', 'shop', "it's", '50%'] as const;
/** Templates, campaigns and messages. */
export const REFERENCES = ['t1', 'T1', 't%', 'τέλος', "it's"] as const;
export const LINKS = ['https://example.com/a?b=1&c=%20', 'https://EXAMPLE.com/a', "javascript:'x'"] as const;
