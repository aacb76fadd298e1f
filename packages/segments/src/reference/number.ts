/** Number operators. Numbers are IEEE doubles, and `-0` is `0`. */
import type { Filter } from '../schema/filter.ts';

export function matchesNumber({ operator, number_values: values = [] }: Filter, number: number): boolean {
  if (operator === 'equals') return values.includes(number);
  const [value] = values;
  if (value === undefined) throw new RangeError(`${operator} takes a number`);
  switch (operator) {
    case 'gt':
      return number > value;
    case 'gte':
      return number >= value;
    case 'lt':
      return number < value;
    case 'lte':
      return number <= value;
    default:
      throw new RangeError(`${operator} does not apply to a number`);
  }
}
