/** Exact decimals: whole numbers of units, 10^-10 each, which holds goal values and everything they may be compared with. */

const UNIT_DIGITS = 10;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/** The units of a decimal text, as `String(number)` writes it too. @throws RangeError when it has more than ten decimals */
export function unitsOf(text: string): bigint {
  const match = DECIMAL.exec(text);
  if (match === null) throw new RangeError('not a decimal');
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const zeros = UNIT_DIGITS - fraction.length + Number(exponent);
  if (zeros < 0) throw new RangeError('too many decimals');
  const units = BigInt(whole + fraction) * 10n ** BigInt(zeros);
  return sign === '-' ? -units : units;
}
