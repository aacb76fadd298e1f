/**
 * Goal values: exact decimals of at most 15 significant digits, at most 4 of them after the point, so that an IEEE double
 * carries each of them without loss and sums can be made exactly in ten-thousandths.
 *
 * Significant digits are counted from the first non-zero digit to the last one before the point, zeros included, plus the fraction
 * without its trailing zeros; the largest magnitude is therefore 999999999999999.
 */

export const MAX_GOAL_DIGITS = 15;
export const MAX_GOAL_FRACTION = 4;

const DECIMAL_TEXT = /^([+-]?)(\d+)(?:\.(\d+))?$/;
/** Longest text worth reading; a longer one has too many digits or is padded beyond reason. */
const MAX_TEXT = 64;

/**
 * Canonical text of a goal value (no `+`, no leading or trailing zeros, `-0` is `0`), or null when it is not one.
 *
 * @param raw a JSON number, or decimal text without an exponent (`"19.90"`)
 */
export function normaliseGoalValue(raw: unknown): string | null {
  if (typeof raw === 'number') {
    if (Number.isSafeInteger(raw) && Math.abs(raw) < 1e15) return String(raw === 0 ? 0 : raw);
    return Number.isFinite(raw) ? fromDecimal(String(raw)) : null;
  }
  return typeof raw === 'string' && raw.length <= MAX_TEXT ? fromDecimal(raw) : null;
}

function fromDecimal(text: string): string | null {
  const match = DECIMAL_TEXT.exec(text);
  // String(number) uses an exponent below 1e-6 and from 1e21: neither fits, so no exponent is read.
  return match === null ? null : canonical(match[1] === '-', match[2] ?? '', match[3] ?? '');
}

function canonical(negative: boolean, whole: string, fraction: string): string | null {
  const digits = whole.replace(/^0+/, '');
  const decimals = fraction.replace(/0+$/, '');
  if (decimals.length > MAX_GOAL_FRACTION) return null;
  const significant = digits === '' ? decimals.replace(/^0+/, '').length : digits.length + decimals.length;
  if (significant > MAX_GOAL_DIGITS) return null;
  if (digits === '' && decimals === '') return '0';
  return `${negative ? '-' : ''}${digits === '' ? '0' : digits}${decimals === '' ? '' : `.${decimals}`}`;
}

/** The JSON number of a canonical goal value; exact, because 15 significant digits survive an IEEE double. */
export function goalValueToNumber(text: string): number {
  return Number(text);
}

/** A canonical goal value in ten-thousandths, for exact sums. @throws RangeError when it is not canonical */
export function goalValueToScaled(text: string): bigint {
  const match = DECIMAL_TEXT.exec(text);
  if (match === null || (match[3] ?? '').length > MAX_GOAL_FRACTION) throw new RangeError('not a goal value');
  const scaled = BigInt((match[2] ?? '') + (match[3] ?? '').padEnd(MAX_GOAL_FRACTION, '0'));
  return match[1] === '-' ? -scaled : scaled;
}

/** The canonical text of ten-thousandths; the inverse of {@link goalValueToScaled}, for sums of any size. */
export function scaledToGoalValue(scaled: bigint): string {
  const negative = scaled < 0n;
  const text = (negative ? -scaled : scaled).toString().padStart(MAX_GOAL_FRACTION + 1, '0');
  const decimals = text.slice(-MAX_GOAL_FRACTION).replace(/0+$/, '');
  return `${negative ? '-' : ''}${text.slice(0, -MAX_GOAL_FRACTION)}${decimals === '' ? '' : `.${decimals}`}`;
}
