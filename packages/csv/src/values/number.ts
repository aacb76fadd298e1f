/**
 * Numbers as files hold them: with a decimal point or comma, with digits in groups of three.
 *
 * What can be read in one way only is read so. `1,234` can be two numbers: the column's format decides, else it is a fault. `1.234`
 * is a decimal number unless the column has a decimal comma.
 */
export type Decimal = ',' | '.';

export type NumberResult = { ok: true; value: number } | { ok: false; code: 'invalid_number' | 'ambiguous_number' };

const INVALID: NumberResult = { ok: false, code: 'invalid_number' };
const AMBIGUOUS: NumberResult = { ok: false, code: 'ambiguous_number' };

const MAX_LENGTH = 400;
const PLAIN = /^[+-]?\d+(?:[eE][+-]?\d+)?$/;
const POINT = /^[+-]?\d*\.\d+(?:[eE][+-]?\d+)?$/;
const COMMA = /^[+-]?\d*,\d+(?:[eE][+-]?\d+)?$/;
const GROUPED_BY_COMMA = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/;
const GROUPED_BY_POINT = /^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?$/;
/** Spaces (no-break ones too) and apostrophes only ever group. */
const SPACED = /^[+-]?[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?$/;
const SPACES = /[ \u00a0\u2009\u202f'’]/g;

/**
 * Reads a number.
 *
 * @param text without white space around it
 * @param decimal the column's format; null: not known
 */
export function parseNumber(text: string, decimal: Decimal | null): NumberResult {
  if (PLAIN.test(text)) return finite(text);
  if (text.length > MAX_LENGTH) return INVALID;
  const tight = SPACED.test(text) ? text.replace(SPACES, '') : text;
  const asPoint = readPoint(tight);
  const asComma = readComma(tight);
  if (decimal === '.') return asPoint ?? INVALID;
  if (decimal === ',') return asComma ?? INVALID;
  if (asPoint === null || asComma === null) return asPoint ?? asComma ?? INVALID;
  if (PLAIN.test(tight)) return asPoint;
  // Both readings are possible: one separator before exactly three digits.
  return tight.includes(',') ? AMBIGUOUS : asPoint;
}

/** The decimal mark that these values can only have; null when they tell nothing, or contradict each other. */
export function decimalEvidence(values: readonly string[]): Decimal | null {
  let found: Decimal | null = null;
  for (const value of values) {
    const text = value.trim();
    if (PLAIN.test(text) || text.length > MAX_LENGTH) continue;
    const tight = SPACED.test(text) ? text.replace(SPACES, '') : text;
    if (PLAIN.test(tight)) continue;
    const point = readPoint(tight) !== null;
    const comma = readComma(tight) !== null;
    if (point === comma) continue;
    const mark = point ? '.' : ',';
    if (found !== null && found !== mark) return null;
    found = mark;
  }
  return found;
}

function readPoint(text: string): NumberResult | null {
  if (PLAIN.test(text) || POINT.test(text)) return finite(text);
  return GROUPED_BY_COMMA.test(text) ? finite(text.replaceAll(',', '')) : null;
}

function readComma(text: string): NumberResult | null {
  if (PLAIN.test(text)) return finite(text);
  if (COMMA.test(text)) return finite(text.replace(',', '.'));
  return GROUPED_BY_POINT.test(text) ? finite(text.replaceAll('.', '').replace(',', '.')) : null;
}

function finite(text: string): NumberResult {
  const value = Number(text);
  // Adding 0 turns -0 into 0.
  return Number.isFinite(value) ? { ok: true, value: value + 0 } : INVALID;
}
