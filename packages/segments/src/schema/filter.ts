/** The schema of a filter, with every fault of it: type against column, operator against type, values against operator. */
import { storableText } from '@muster/domain';
import { z } from 'zod';
import type { Columns } from './columns.ts';
import { type Arity, FIELD_TYPES, FILTER_OPERATORS, type FilterOperator, RELATIVE_OPERATORS } from './operators.ts';
import { faultsOfTexts } from './values.ts';

export const MAX_VALUES = 1_000;
/** Characters of all values together: they travel as one parameter, and a server takes at most 128 KiB of it. */
const MAX_VALUE_CHARACTERS = 30_000;
const MAX_PATH_STEPS = 20;

const OPERATOR_NAMES = Object.keys(FILTER_OPERATORS) as [FilterOperator, ...FilterOperator[]];

const shape = z.strictObject({
  field_name: z.string().describe('The field; JSON fields need a `json_path` too'),
  field_type: z.enum(FIELD_TYPES).describe('Type of the field; it must fit'),
  operator: z.enum(OPERATOR_NAMES),
  string_values: z.array(storableText(1_000)).max(MAX_VALUES).optional().describe('Texts, dates, and numbers of days (`["7"]`)'),
  number_values: z.array(z.number()).max(MAX_VALUES).optional(),
  json_path: z
    .array(storableText(255))
    .max(MAX_PATH_STEPS)
    .optional()
    .describe('Keys from the outside in; an all-digit step indexes an array'),
});

export type Filter = z.infer<typeof shape>;

type Fault = (path: (string | number)[], code: string, message: string) => void;

/** A filter over the given columns; `timezone` decides what a bare date means. */
export function filterSchema(columns: Columns, timezone: string) {
  return shape.superRefine((filter, context) => {
    const fault: Fault = (path, code, message) => context.addIssue({ code: 'custom', path, message, params: { code } });
    const characters = (filter.string_values ?? []).reduce((sum, text) => sum + text.length, 0);
    if (characters > MAX_VALUE_CHARACTERS) fault(['string_values'], 'too_large', `has at most ${MAX_VALUE_CHARACTERS} characters in all`);
    checkColumn(filter, columns, fault);
    checkOperator(filter, timezone, fault);
  });
}

function checkColumn(filter: Filter, columns: Columns, fault: Fault): void {
  const type = columns.get(filter.field_name);
  if (type === undefined) fault(['field_name'], 'unknown_field', `is not a field that can be filtered: ${[...columns.keys()].join(', ')}`);
  else if (type !== filter.field_type)
    fault(['field_type'], 'field_type_mismatch', `is "${filter.field_type}", but this field is "${type}"`);
  if (filter.field_type !== 'json') {
    if (filter.json_path !== undefined) fault(['json_path'], 'not_allowed', 'is for fields of type json only');
    return;
  }
  const setness = filter.operator === 'is_set' || filter.operator === 'is_not_set';
  if (filter.json_path === undefined) {
    if (!setness) fault(['json_path'], 'required', 'is required for a JSON field: name the keys that lead to the value');
  } else if (filter.json_path.length === 0 && !setness && filter.operator !== 'in_array') {
    fault(['json_path'], 'required', 'needs at least one key: the field itself is an object or an array');
  }
}

function checkOperator(filter: Filter, timezone: string, fault: Fault): void {
  const { operator, field_type: type } = filter;
  const rule: { types: readonly string[]; arity: Arity } = FILTER_OPERATORS[operator];
  if (type === 'json' && RELATIVE_OPERATORS.has(operator)) {
    fault(['operator'], 'relative_on_json', 'is relative to now, which a JSON path does not support; use a time field');
    return;
  }
  if (!rule.types.includes(type)) {
    fault(['operator'], 'operator_not_allowed', `does not apply to ${type} fields, only to: ${rule.types.join(', ')}`);
    return;
  }
  checkValues(filter, rule.arity, timezone, fault);
}

function checkValues(filter: Filter, arity: Arity, timezone: string, fault: Fault): void {
  const texts = filter.string_values ?? [];
  const numbers = filter.number_values ?? [];
  switch (arity) {
    case 'none':
      if (texts.length > 0) fault(['string_values'], 'wrong_arity', 'takes no values');
      if (numbers.length > 0) fault(['number_values'], 'wrong_arity', 'takes no values');
      return;
    case 'text':
      if (numbers.length > 0) fault(['number_values'], 'not_allowed', 'this operator compares text; use string_values');
      if (texts.length === 0) fault(['string_values'], 'wrong_arity', 'takes at least one value');
      texts.forEach((text, at) => {
        if (text === '') fault(['string_values', at], 'empty_not_allowed', 'must not be empty: every text contains an empty one');
      });
      return;
    case 'any':
      checkEquality(filter, texts, numbers, fault);
      return;
    case 'number':
      if (texts.length > 0) fault(['string_values'], 'not_allowed', 'this operator compares numbers; use number_values');
      if (numbers.length !== 1) fault(['number_values'], 'wrong_arity', 'takes 1 value');
      return;
    default:
      checkTimes(arity, texts, numbers, timezone, fault);
  }
}

function checkEquality(filter: Filter, texts: readonly string[], numbers: readonly number[], fault: Fault): void {
  const name = filter.field_type === 'number' ? 'number_values' : 'string_values';
  if (filter.field_type === 'string' && numbers.length > 0) fault(['number_values'], 'not_allowed', 'is for number and JSON fields');
  if (filter.field_type === 'number' && texts.length > 0) fault(['string_values'], 'not_allowed', 'is for string and JSON fields');
  if (texts.length + numbers.length === 0) fault([name], 'wrong_arity', 'takes at least one value');
}

function checkTimes(arity: Arity, texts: readonly string[], numbers: readonly number[], timezone: string, fault: Fault): void {
  const days = arity === 'days' || arity === 'days2';
  if (texts.length > 0 && numbers.length > 0) fault(['number_values'], 'wrong_arity', 'give the values in string_values only');
  else if (!days && numbers.length > 0) fault(['number_values'], 'not_allowed', 'dates are given in string_values');
  else {
    const name = numbers.length > 0 ? 'number_values' : 'string_values';
    const given = timeTexts({ string_values: [...texts], number_values: [...numbers] });
    for (const { at, code, message } of faultsOfTexts(arity, given, timezone)) fault(at === null ? [name] : [name, at], code, message);
  }
}

/** The texts of a time operator: numbers of days may also come as numbers. */
export function timeTexts(filter: Pick<Filter, 'string_values' | 'number_values'>): string[] {
  return filter.number_values?.length ? filter.number_values.map(plainNumber) : (filter.string_values ?? []);
}

/** Decimal text without an exponent, as far as {@link faultsOfTexts} reads one. */
function plainNumber(value: number): string {
  const text = String(value);
  return text.includes('e') && Math.abs(value) < 1 ? value.toFixed(20) : text;
}
