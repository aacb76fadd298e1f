/** Whether the first row names the columns. */
import { isAmbiguousName, matchHeader } from '../headers/dictionary.ts';
import { typeOf } from '../values/column-type.ts';

/**
 * In this order: an address in the first row is a contact's; a word that names a field is a header's; numbers and dates are values;
 * anything else is a header, as nearly every file has one.
 */
export function isHeader(first: readonly string[]): boolean {
  const types = first.map((cell) => cell.trim()).map((cell) => (cell === '' ? 'empty' : typeOf(cell)));
  if (types.includes('email')) return false;
  if (first.some((cell) => matchHeader(cell) !== undefined || isAmbiguousName(cell))) return true;
  return !types.some((type) => type === 'number' || type === 'datetime' || type === 'phone' || type === 'json');
}
