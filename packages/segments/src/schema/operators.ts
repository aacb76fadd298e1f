/**
 * The operators of filters, timeframes and goals: which types each applies to, and which values it takes. One table that the
 * schema, the compiler and the documentation share.
 */

export const FIELD_TYPES = ['string', 'number', 'time', 'json'] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/**
 * Values an operator takes: `none`; `text` one or more texts; `any` one or more texts or numbers; `number` one number; `date` one
 * time, `dates` a start and an end; `days` one number of days, `days2` two, the larger first.
 */
export type Arity = 'none' | 'text' | 'any' | 'number' | 'date' | 'dates' | 'days' | 'days2';

type Rule = { readonly types: readonly FieldType[]; readonly arity: Arity };

export const FILTER_OPERATORS = {
  equals: { types: ['string', 'number', 'json'], arity: 'any' },
  not_equals: { types: ['string', 'number', 'json'], arity: 'any' },
  contains: { types: ['string', 'json'], arity: 'text' },
  not_contains: { types: ['string', 'json'], arity: 'text' },
  starts_with: { types: ['string'], arity: 'text' },
  ends_with: { types: ['string'], arity: 'text' },
  gt: { types: ['number', 'json'], arity: 'number' },
  gte: { types: ['number', 'json'], arity: 'number' },
  lt: { types: ['number', 'json'], arity: 'number' },
  lte: { types: ['number', 'json'], arity: 'number' },
  is_set: { types: FIELD_TYPES, arity: 'none' },
  is_not_set: { types: FIELD_TYPES, arity: 'none' },
  before_date: { types: ['time', 'json'], arity: 'date' },
  after_date: { types: ['time', 'json'], arity: 'date' },
  in_date_range: { types: ['time', 'json'], arity: 'dates' },
  not_in_date_range: { types: ['time', 'json'], arity: 'dates' },
  in_the_last_days: { types: ['time'], arity: 'days' },
  not_in_the_last_days: { types: ['time'], arity: 'days' },
  between_days_ago: { types: ['time'], arity: 'days2' },
  in_the_next_days: { types: ['time'], arity: 'days' },
  anniversary_in_the_next_days: { types: ['time'], arity: 'days' },
  in_array: { types: ['json'], arity: 'any' },
} as const satisfies Record<string, Rule>;

export type FilterOperator = keyof typeof FILTER_OPERATORS;

/** Relative to now: refused on a JSON path, because the moment at which such a value crosses an edge could not be looked up. */
export const RELATIVE_OPERATORS: ReadonlySet<string> = new Set<FilterOperator>([
  'in_the_last_days',
  'not_in_the_last_days',
  'between_days_ago',
  'in_the_next_days',
  'anniversary_in_the_next_days',
]);

export const TIMEFRAME_OPERATORS = {
  anytime: 'none',
  in_date_range: 'dates',
  before_date: 'date',
  after_date: 'date',
  in_the_last_days: 'days',
  between_days_ago: 'days2',
} as const satisfies Record<string, Arity>;

export type TimeframeOperator = keyof typeof TIMEFRAME_OPERATORS;

export const COUNT_OPERATORS = ['at_least', 'at_most', 'exactly'] as const;
export const AGGREGATES = ['sum', 'count', 'avg', 'min', 'max', 'first', 'last'] as const;
export const COMPARISONS = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq', 'between'] as const;
export type Aggregate = (typeof AGGREGATES)[number];
export type Comparison = (typeof COMPARISONS)[number];

/** Positive operator and whether it is negated: a negation matches every contact that the positive one does not. */
export function positiveOf(operator: FilterOperator): { operator: FilterOperator; negated: boolean } {
  switch (operator) {
    case 'not_equals':
      return { operator: 'equals', negated: true };
    case 'not_contains':
      return { operator: 'contains', negated: true };
    case 'is_not_set':
      return { operator: 'is_set', negated: true };
    case 'not_in_date_range':
      return { operator: 'in_date_range', negated: true };
    case 'not_in_the_last_days':
      return { operator: 'in_the_last_days', negated: true };
    default:
      return { operator, negated: false };
  }
}
