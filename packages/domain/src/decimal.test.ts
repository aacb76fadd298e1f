import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goalValueToNumber, goalValueToScaled, normaliseGoalValue, scaledToGoalValue } from './decimal.ts';

describe('goal values', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [19.9, '19.9'],
    [999999999999999, '999999999999999'],
    [-99999999999.9999, '-99999999999.9999'],
    [12345678901.2345, '12345678901.2345'],
    ['19.90', '19.9'],
    ['007.500', '7.5'],
    ['-0', '0'],
    ['-0.0000', '0'],
    ['+3', '3'],
    ['100', '100'],
    ['1.00000000', '1'],
    ['0.00010', '0.0001'],
    ['000000000000000000001', '1'],
  ])('exact decimal, canonical text: %j → %s', (raw, text) => {
    expect(normaliseGoalValue(raw)).toBe(text);
  });

  test.each([
    ...[0.00001, 1e15, 1e21, 1e-7, 1234567890123456, 123456789012.3456, 0.1 + 0.2, Number.NaN, Number.POSITIVE_INFINITY],
    ...[
      '',
      ' 1',
      '1 ',
      '.5',
      '5.',
      '1e3',
      '0x10',
      '1,000',
      '--1',
      '1.2.3',
      '1.00001',
      '1000000000000000',
      '12345678901234.56',
      '１',
      'Infinity',
    ],
    ...['1'.repeat(100), null, undefined, true, [], {}, 5n],
  ])('≤ 15 significant digits, ≤ 4 after the point: refuses %s', (raw) => {
    expect(normaliseGoalValue(raw)).toBeNull();
  });

  test('money adds up exactly: 0.1 + 0.2 = 0.3', () => {
    expect(scaledToGoalValue(goalValueToScaled('0.1') + goalValueToScaled('0.2'))).toBe('0.3');
    expect(scaledToGoalValue(goalValueToScaled('-0.0001') + goalValueToScaled('0.0001'))).toBe('0');
    expect(scaledToGoalValue(-1n)).toBe('-0.0001');
    expect(() => goalValueToScaled('x')).toThrow(RangeError);
    expect(() => goalValueToScaled('1.00001')).toThrow(RangeError);
  });

  const scaled = fc.tuple(fc.nat(14), fc.nat(4)).chain(([digits, places]) => {
    const max = 10n ** BigInt(digits + 1) - 1n;
    return fc.bigInt({ min: -max, max }).map((n) => n * 10n ** BigInt(4 - places));
  });

  test('property: text → number → JSON → text is exact for every value there is', () => {
    fc.assert(
      fc.property(scaled, (n) => {
        const text = scaledToGoalValue(n);
        const known = normaliseGoalValue(text);
        if (known === null) return;
        expect(known).toBe(text);
        expect(goalValueToScaled(text)).toBe(n);
        const number = JSON.parse(JSON.stringify(goalValueToNumber(text))) as number;
        expect(normaliseGoalValue(number)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  test('property: a number and its own text are the same value', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e16, max: 1e16 }), (n) => {
        const byNumber = normaliseGoalValue(n);
        if (byNumber !== null) expect(Object.is(Number(byNumber), n + 0)).toBe(true);
      }),
    );
  });
});
