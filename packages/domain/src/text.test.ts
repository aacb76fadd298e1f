import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBlank, isLongerThan, trimText } from './text.ts';

describe('text', () => {
  test('strings are trimmed of Unicode white space, U+00A0 and U+0085 too; nothing else is touched', () => {
    expect(trimText('\u00a0 \t\u0085 a b \u3000\r\n')).toBe('a b');
    expect(trimText('\u200ba')).toBe('\u200ba');
    expect(trimText('')).toBe('');
    expect(isBlank(' \u00a0')).toBe(true);
  });

  test('property: trims all that ECMAScript trims', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => trimText(text) === trimText(text.trim())));
  });

  test('every white space character of Unicode is trimmed', () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const character = String.fromCharCode(unit);
      expect(trimText(character) === '').toBe(/^[\p{White_Space}\ufeff]$/u.test(character));
    }
  });

  test('lengths count Unicode code points', () => {
    expect(isLongerThan('😀'.repeat(255), 255)).toBe(false);
    expect(isLongerThan('😀'.repeat(256), 255)).toBe(true);
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.nat(30),
        (text, max) => isLongerThan(text, max) === [...text].length > max,
      ),
    );
  });
});
