import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_EMAIL_BYTES, normaliseEmail } from './email.ts';

const key = (raw: unknown): string | null => {
  const result = normaliseEmail(raw);
  return result.ok ? result.email : null;
};
const code = (raw: unknown): string | null => {
  const result = normaliseEmail(raw);
  return result.ok ? null : result.issue.code;
};

describe('normaliseEmail', () => {
  test.each([
    ['  Bob@Example.COM\n', 'bob@example.com'],
    ['\u00a0bob@example.com\u00a0', 'bob@example.com'],
    ['\u2003\u3000\u0085bob@example.com\u2028\u0085', 'bob@example.com'],
    ['\ufeffbob@example.com', 'bob@example.com'],
    ['a@b.c', 'a@b.c'],
    ["o'brien+tag@mail.example.co.uk", "o'brien+tag@mail.example.co.uk"],
    ['.dots..anywhere.@example.com', '.dots..anywhere.@example.com'],
    ["!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"],
    ['x@1.2.3.com', 'x@1.2.3.com'],
    ['x@example.c0m', 'x@example.c0m'],
    ['x@example.1a', 'x@example.1a'],
    ['x@xn--mnchen-3ya.de', 'x@xn--mnchen-3ya.de'],
    ['MÜLLER@MÜNCHEN.DE', 'müller@münchen.de'],
    ['mu\u0308ller@example.com', 'müller@example.com'],
    ['用户@例子.广告', '用户@例子.广告'],
    ['संपर्क@डाटामेल.भारत', 'संपर्क@डाटामेल.भारत'],
    ['ИВАН@ПОЧТА.РФ', 'иван@почта.рф'],
    ['\u212a@example.com', 'k@example.com'],
    ['𐐀@example.com', '𐐨@example.com'],
  ])('trim Unicode white space (U+00A0 too), NFC, lower-case the whole address: %j', (raw, expected) => {
    expect(key(raw)).toBe(expected);
  });

  test.each([
    ...['', ' ', '@', 'a', 'a@', '@b.c', 'a@b', 'a@@b.c', 'a@b@c.d', 'a b@c.d', 'a@b c.d', 'a@b..c', 'a@.b.c', 'a@b.c.'],
    ...['a@-b.c', 'a@b-.c', 'a@b.-c', 'a@b.c-', 'a@b.1', 'a@1.2.3.4', 'a@[1.2.3.4]', 'a@b.١٢', 'a@b_c.d', 'a@b!c.d'],
    ...[
      '"a b"@c.de',
      'Bob <bob@example.com>',
      'mailto:bob@example.com',
      'a,b@c.de',
      'a@b.c;d@e.f',
      'a(b)@c.de',
      'a\\b@c.de',
      'é@',
      '😀@example.com',
    ],
    ...['a@b。com', 'a＠b.com', 'a@é', 'a@-é.fr', 'a@é-.fr', 'a@é..fr'],
    `a@${'b'.repeat(64)}.com`,
    `a@b.${'c'.repeat(64)}`,
    `a@${'é'.repeat(64)}.fr`,
  ])('grammar of <input type=email>, at least two labels, a last label that is not all digits: refuses %j', (raw) => {
    expect(code(raw)).toBe('invalid_email');
  });

  test.each([
    ...['\u0000', '\u0007', '\u001f', '\u007f', '\u0081', '\u00ad', '\u200b', '\u200d', '\u200e', '\u202e', '\u2060', '\u2066', '\ufeff'],
    ...['\u{e0061}', '\ud800', '\n', '\t', '\u00a0'],
  ])('control and format characters are refused: %j inside', (character) => {
    expect(code(`bo${character}b@example.com`)).toBe('invalid_email');
    expect(code(`bob@exa${character}mple.com`)).toBe('invalid_email');
  });

  test.each(['\u200b', '\u2060', '\u00ad', '\u202a'])('format characters at the ends are refused too, not trimmed: %j', (character) => {
    expect(code(`${character}bob@example.com`)).toBe('invalid_email');
    expect(code(`bob@example.com${character}`)).toBe('invalid_email');
  });

  test('NFC again after lower-casing: two spellings of one letter are one key', () => {
    expect(key('J\u030coe@x.com')).toBe(key('\u01f0oe@x.com'));
    expect(key(key('J\u030coe@x.com'))).toBe(key('J\u030coe@x.com'));
  });

  test('≤ 254 bytes, counted as UTF-8 of the normalised address', () => {
    const domain = `@${'d'.repeat(60)}.${'e'.repeat(60)}.com`;
    const fits = 'a'.repeat(MAX_EMAIL_BYTES - domain.length) + domain;
    expect(key(fits)).toBe(fits);
    expect(key(`  ${fits}  `)).toBe(fits);
    expect(code(`a${fits}`)).toBe('too_long');
    expect(code(`${'é'.repeat(120)}${domain}`)).toBe('too_long');
    expect(key(`${'é'.repeat(60)}${domain}`)).not.toBeNull();
    // Decomposed it has more than 254 bytes, composed it has not.
    expect(key(`${'e\u0301'.repeat(60)}${domain}`)).toBe(`${'é'.repeat(60)}${domain}`);
  });

  test('absent and null are required, other types are invalid_type', () => {
    expect(code(undefined)).toBe('required');
    expect(code(null)).toBe('required');
    for (const raw of [1, true, {}, [], ['a@b.c']]) expect(code(raw)).toBe('invalid_type');
  });

  test('messages never contain the value', () => {
    const result = normaliseEmail('secret address');
    expect(JSON.stringify(result)).not.toContain('secret');
  });

  const local = fc.stringMatching(/^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~éÉüÜñÑжЖяЯάΆ-]{1,20}$/u);
  const label = fc.stringMatching(/^[a-zA-Z0-9éÉüжЖ]{1,10}$/u);
  const address = fc.tuple(local, label, label, fc.constantFrom('com', 'De', 'рф')).map(([a, b, c, d]) => `${a}@${b}.${c}.${d}`);

  test('property: casing and white space never make a second key', () => {
    const space = fc.stringMatching(/^[ \t\r\n\u00a0\u2003\u3000\u0085\u202f]{0,5}$/u);
    fc.assert(
      fc.property(address, space, space, (raw, before, after) => {
        const expected = key(raw);
        expect(expected).not.toBeNull();
        expect(key(raw.toUpperCase())).toBe(expected);
        expect(key(raw.toLowerCase())).toBe(expected);
        expect(key(raw.normalize('NFD'))).toBe(expected);
        expect(key(before + raw + after)).toBe(expected);
      }),
    );
  });

  test('property: normalising twice is normalising once, for any text', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 12 }))
        .map(([a, b]) => `${a}@${b}.com`),
      fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), address).map(([a, b]) => a + b),
    );
    fc.assert(
      fc.property(any, (raw) => {
        const once = key(raw);
        if (once === null) return;
        expect(key(once)).toBe(once);
        expect(once.normalize('NFC')).toBe(once);
        expect(once.toLowerCase()).toBe(once);
        expect(Buffer.byteLength(once)).toBeLessThanOrEqual(MAX_EMAIL_BYTES);
      }),
      { numRuns: 2000 },
    );
  });

  test('every lower-casing of a single letter is stable', () => {
    for (let point = 0x80; point <= 0x1ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const once = key(`a${String.fromCodePoint(point)}@example.com`);
      if (once !== null && key(once) !== once) expect.fail(`U+${point.toString(16)} is not stable`);
    }
  });

  test('one linear-time check: 1 MB of hostile text takes milliseconds', () => {
    const size = 1_000_000;
    const hostile = [
      'a'.repeat(size),
      `${'a.'.repeat(size / 2)}@`,
      `a@${'b.'.repeat(size / 2)}`,
      `a@${'-'.repeat(size)}.c`,
      ' '.repeat(size),
      `a${' '.repeat(size)}b`,
      '\u0085 '.repeat(size / 2),
      `${'\u0301'.repeat(size)}@b.c`,
      '@'.repeat(size),
      'é@'.repeat(size / 2),
    ];
    for (const raw of hostile) {
      const start = performance.now();
      expect(normaliseEmail(raw).ok).toBe(false);
      expect(performance.now() - start).toBeLessThan(200);
    }
  });
});
