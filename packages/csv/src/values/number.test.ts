import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Decimal, decimalEvidence, parseNumber } from './number.ts';

const read = (text: string, decimal: Decimal | null = null): number | string => {
  const result = parseNumber(text, decimal);
  return result.ok ? result.value : result.code;
};

describe('numbers', () => {
  test.each([
    ['0', 0],
    ['-0', 0],
    ['+12', 12],
    ['007', 7],
    ['1.5', 1.5],
    ['-.5', -0.5],
    ['1e3', 1000],
    ['1.5E-7', 1.5e-7],
    ['1.234', 1.234],
    ['1,5', 1.5],
    ['0,125', 0.125],
    ['1234,5', 1234.5],
    ['1,23456', 1.23456],
    ['1.234,56', 1234.56],
    ['1,234.56', 1234.56],
    ['1.234.567', 1_234_567],
    ['1,234,567', 1_234_567],
    ['-1.234.567,8', -1_234_567.8],
    ['1 234,5', 1234.5],
    ['1\u00a0234\u00a0567', 1_234_567],
    ["1'234.50", 1234.5],
  ])('what can be read in one way only is read so: %s', (text, value) => {
    expect(read(text)).toBe(value);
  });

  test('decimal comma where the file uses it; 1,234 is not guessed', () => {
    expect(read('1,234')).toBe('ambiguous_number');
    expect(read('1,234', ',')).toBe(1.234);
    expect(read('1,234', '.')).toBe(1234);
    expect(read('1.234', ',')).toBe(1234);
    expect(read('1.234', '.')).toBe(1.234);
    expect(read('1.5', ',')).toBe('invalid_number');
    expect(read('1,5', '.')).toBe('invalid_number');
    expect(read('1,234.5', ',')).toBe('invalid_number');
  });

  test.each([
    '',
    'x',
    '1..2',
    '1,2,3',
    '1.2.3',
    '12,34.5',
    '1 2',
    '--1',
    '1-',
    '0x10',
    'NaN',
    'Infinity',
    '1e999',
    '€5',
    '5%',
    '٣',
    '9'.repeat(400),
  ])('anything else is no number: %j', (text) => {
    expect(read(text)).toBe('invalid_number');
  });

  test('evidence is what has one reading only, and no contradiction', () => {
    expect(decimalEvidence(['1', '1.234', '2,5', ''])).toBe(',');
    expect(decimalEvidence(['1,234', '2.50'])).toBe('.');
    expect(decimalEvidence(['1.234.567'])).toBe(',');
    expect(decimalEvidence(['1,234', '1.234', 'x'])).toBeNull();
    expect(decimalEvidence(['2,5', '2.5'])).toBeNull();
  });

  test('property: every number that JSON writes reads back, and with a decimal comma too', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = String(value);
        expect(read(text, '.')).toBe(value + 0);
        expect(read(text.replace('.', ','), ',')).toBe(value + 0);
      }),
    );
  });

  test('property: never throws', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9.,eE+' -]{0,40}$/), fc.constantFrom(',' as const, '.' as const, null), (text, decimal) => {
        const result = parseNumber(text, decimal);
        if (result.ok) expect(Number.isFinite(result.value)).toBe(true);
      }),
    );
  });
});
