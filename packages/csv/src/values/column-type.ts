/** What the values of a column look like. */
import { normaliseEmail } from '@muster/domain';
import { looksLikeDate } from './date.ts';
import { parseNumber } from './number.ts';

export const COLUMN_TYPES = ['email', 'phone', 'number', 'datetime', 'json', 'string', 'empty'] as const;

export type ColumnType = (typeof COLUMN_TYPES)[number];

/** Share of the values that must be of a type for the column to be of it. */
const MOST = 0.8;
const MAX_LENGTH = 1_000;
const PHONE = /^(?:\+|00|\(|0)[\d ().\-/]{6,24}$/;
const INTERNATIONAL = /^\+\d{6,15}$/;

/** The type of nearly all values that are not empty. */
export function columnType(values: readonly string[]): ColumnType {
  const counts = new Map<ColumnType, number>();
  let total = 0;
  for (const value of values) {
    const text = value.trim();
    if (text === '') continue;
    total++;
    const type = typeOf(text);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  if (total === 0) return 'empty';
  for (const [type, count] of counts) {
    if (count >= MOST * total) return type;
  }
  return 'string';
}

/** The type of one value without white space around it. */
export function typeOf(text: string): ColumnType {
  if (text.length > MAX_LENGTH) return isJson(text) ? 'json' : 'string';
  if (text.includes('@') && normaliseEmail(text).ok) return 'email';
  if (looksLikeDate(text)) return 'datetime';
  if (INTERNATIONAL.test(text) || (PHONE.test(text) && digitsIn(text) >= 7 && !/^0[.,]/.test(text))) return 'phone';
  const number = parseNumber(text, null);
  if (number.ok || number.code === 'ambiguous_number') return 'number';
  return isJson(text) ? 'json' : 'string';
}

function isJson(text: string): boolean {
  const first = text[0];
  if (first !== '{' && first !== '[') return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function digitsIn(text: string): number {
  return text.replace(/\D/g, '').length;
}
