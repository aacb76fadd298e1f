/** Valid filters of every field, type and operator, with values of the pools. */
import fc from 'fast-check';
import type { Columns } from '../schema/columns.ts';
import type { Filter } from '../schema/filter.ts';
import { type Arity, FILTER_OPERATORS, type FieldType, type FilterOperator, RELATIVE_OPERATORS } from '../schema/operators.ts';
import { arrayPathArbitrary, pathArbitrary } from './json.ts';
import { askedNumberArbitrary, daysArbitrary, favouring, pieceArbitrary, textArbitrary } from './pools.ts';
import { dateArbitrary, datelikeArbitrary, datesArbitrary, daysAgoArbitrary } from './times.ts';

export type FilterOptions = {
  /** ms; dates lie around it. */
  anchor: number;
  timezone: string;
  /** Fields named more often than the others. */
  favourites: readonly string[];
  /** What else to look for in the text of columns. */
  texts: readonly string[];
};

type Values = Pick<Filter, 'string_values' | 'number_values' | 'json_path'>;

const OPERATORS = Object.keys(FILTER_OPERATORS) as FilterOperator[];

/** A filter over one of the columns; every type of field and every operator is as likely as the others. */
export function filterArbitrary(columns: Columns, options: FilterOptions): fc.Arbitrary<Filter> {
  const types = [...new Set(columns.values())];
  return fc.oneof(...types.map((type) => ofType(type, columns, options)));
}

function ofType(type: FieldType, columns: Columns, options: FilterOptions): fc.Arbitrary<Filter> {
  const names = [...columns].filter(([, each]) => each === type).map(([name]) => name);
  const favourites = names.filter((name) => options.favourites.includes(name));
  const field_name = favouring(favourites.length === 0 ? names : favourites, names);
  const operators = OPERATORS.filter((operator) => applies(operator, type));
  return fc.oneof(
    ...operators.map((operator) =>
      fc
        .tuple(field_name, valuesArbitrary(operator, type, options))
        .map(([name, values]): Filter => ({ field_name: name, field_type: type, operator, ...values })),
    ),
  );
}

function applies(operator: FilterOperator, type: FieldType): boolean {
  const { types }: { types: readonly FieldType[] } = FILTER_OPERATORS[operator];
  return types.includes(type) && !(type === 'json' && RELATIVE_OPERATORS.has(operator));
}

function valuesArbitrary(operator: FilterOperator, type: FieldType, options: FilterOptions): fc.Arbitrary<Values> {
  const values = ofArity(FILTER_OPERATORS[operator].arity, type, options);
  if (type !== 'json') return values;
  if (operator === 'is_set' || operator === 'is_not_set') {
    return fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom<Values>({}, { json_path: [] }) },
      { weight: 4, arbitrary: withPath(values, pathArbitrary) },
    );
  }
  return withPath(values, operator === 'in_array' ? arrayPathArbitrary : pathArbitrary);
}

function withPath(values: fc.Arbitrary<Values>, path: fc.Arbitrary<string[]>): fc.Arbitrary<Values> {
  return fc.tuple(values, path).map(([given, json_path]) => ({ ...given, json_path }));
}

const few = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { minLength: 1, maxLength: 4, size: 'max' });

function ofArity(arity: Arity, type: FieldType, { anchor, timezone, texts }: FilterOptions): fc.Arbitrary<Values> {
  const known = texts.length === 0 ? textArbitrary : fc.oneof(fc.constantFrom(...texts), textArbitrary);
  switch (arity) {
    case 'none':
      return fc.constant({});
    case 'text':
      return few(
        fc.oneof(
          pieceArbitrary,
          known.filter((text) => text !== ''),
        ),
      ).map((string_values) => ({ string_values }));
    case 'any':
      return equalityArbitrary(type, known, anchor);
    case 'number':
      return askedNumberArbitrary.map((number) => ({ number_values: [number] }));
    case 'date':
      return dateArbitrary(anchor, timezone).map((text) => ({ string_values: [text] }));
    case 'dates':
      return datesArbitrary(anchor, timezone).map((string_values) => ({ string_values }));
    case 'days':
      return asTextsOrNumbers(daysArbitrary.map((text) => [text]));
    case 'days2':
      return asTextsOrNumbers(daysAgoArbitrary);
  }
}

function equalityArbitrary(type: FieldType, text: fc.Arbitrary<string>, anchor: number): fc.Arbitrary<Values> {
  const strings = few(text).map((string_values): Values => ({ string_values }));
  const numbers = few(askedNumberArbitrary).map((number_values): Values => ({ number_values }));
  if (type === 'string') return strings;
  if (type === 'number') return numbers;
  const any = few(
    fc.oneof(
      { weight: 3, arbitrary: text },
      { weight: 2, arbitrary: fc.constantFrom('true', 'false') },
      { weight: 1, arbitrary: datelikeArbitrary(anchor) },
    ),
  );
  const texts = any.map((string_values): Values => ({ string_values }));
  return fc.oneof(
    texts,
    numbers,
    fc.tuple(texts, numbers).map(([a, b]): Values => ({ ...a, ...b })),
  );
}

function asTextsOrNumbers(texts: fc.Arbitrary<string[]>): fc.Arbitrary<Values> {
  return fc
    .tuple(texts, fc.constantFrom(false, false, true))
    .map(([values, numeric]): Values => (numeric ? { number_values: values.map(Number) } : { string_values: values }));
}
