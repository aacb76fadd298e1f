/** Valid leaves of each source. */
import { GOAL_TYPES, MEMBERSHIP_STATUSES } from '@muster/domain';
import fc from 'fast-check';
import { CONTACT_COLUMNS, EVENT_COLUMNS, GOAL_COLUMNS } from '../schema/columns.ts';
import { CUSTOM_KIND_PREFIX, type GoalLeaf, type Leaf, type TimelineLeaf } from '../schema/leaf.ts';
import { AGGREGATES, COMPARISONS, TIMEFRAME_OPERATORS, type TimeframeOperator } from '../schema/operators.ts';
import { FAVOURITE_FIELDS } from './contacts.ts';
import { kindArbitrary } from './events.ts';
import { filterArbitrary } from './filters.ts';
import { askedGoalArbitrary, daysArbitrary, EVENT_NAMES, GOAL_NAMES, KEY_TEXTS, LINKS, LIST_IDS, REFERENCES } from './pools.ts';
import { dateArbitrary, datesArbitrary, daysAgoArbitrary } from './times.ts';

export type LeafOptions = { anchor: number; timezone: string; segments: readonly string[] };

export function leafArbitrary(options: LeafOptions): fc.Arbitrary<Leaf> {
  const contacts = contactsLeafArbitrary(options);
  const timeline = timelineArbitrary(options).map((contact_timeline): Leaf => ({ source: 'contact_timeline', contact_timeline }));
  const goals = goalArbitrary(options).map((custom_events_goal): Leaf => ({ source: 'custom_events_goals', custom_events_goal }));
  return fc.oneof(
    { weight: 8, arbitrary: contacts },
    { weight: 5, arbitrary: timeline },
    { weight: 4, arbitrary: goals },
    { weight: 2, arbitrary: listLeafArbitrary },
    ...(options.segments.length === 0 ? [] : [{ weight: 1, arbitrary: segmentLeafArbitrary(options.segments) }]),
  );
}

function contactsLeafArbitrary(options: LeafOptions): fc.Arbitrary<Leaf> {
  const filter = filterArbitrary(CONTACT_COLUMNS, { ...options, favourites: FAVOURITE_FIELDS, texts: [] });
  return fewOf(filter, 1, 2).map((filters): Leaf => ({ source: 'contacts', contact: { filters } }));
}

const operatorArbitrary = fc.constantFrom('in' as const, 'not_in' as const);

const listLeafArbitrary: fc.Arbitrary<Leaf> = fc
  .record({
    operator: operatorArbitrary,
    list_id: fc.constantFrom(...LIST_IDS),
    status: fc.option(fc.constantFrom('active' as const, ...MEMBERSHIP_STATUSES)),
  })
  .map(({ status, ...rest }): Leaf => ({ source: 'contact_lists', contact_list: status === null ? rest : { ...rest, status } }));

function segmentLeafArbitrary(ids: readonly string[]): fc.Arbitrary<Leaf> {
  return fc
    .record({ operator: operatorArbitrary, segment_id: fc.constantFrom(...ids) })
    .map((segment): Leaf => ({ source: 'segments', segment }));
}

/** One value more often than several. */
function fewOf<T>(value: fc.Arbitrary<T>, min: number, max: number): fc.Arbitrary<T[]> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.tuple(value) },
    { weight: 1, arbitrary: fc.array(value, { minLength: min, maxLength: max, size: 'max' }) },
  );
}

/** Optional parts of a leaf, mostly absent. */
const sometimes = <T extends object>(part: fc.Arbitrary<T>, freq = 1): fc.Arbitrary<T | Record<string, never>> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: freq, arbitrary: part });

type Timeframe = Pick<TimelineLeaf, 'timeframe_operator' | 'timeframe_values'>;

function timeframeArbitrary({ anchor, timezone }: LeafOptions): fc.Arbitrary<Timeframe> {
  const operators = Object.keys(TIMEFRAME_OPERATORS) as TimeframeOperator[];
  const of = (operator: TimeframeOperator): fc.Arbitrary<Timeframe> => {
    switch (TIMEFRAME_OPERATORS[operator]) {
      case 'none':
        return fc.constant({ timeframe_operator: operator });
      case 'date':
        return dateArbitrary(anchor, timezone).map((text) => ({ timeframe_operator: operator, timeframe_values: [text] }));
      case 'dates':
        return datesArbitrary(anchor, timezone).map((timeframe_values) => ({ timeframe_operator: operator, timeframe_values }));
      case 'days':
        return daysArbitrary.map((text) => ({ timeframe_operator: operator, timeframe_values: [text] }));
      case 'days2':
        return daysAgoArbitrary.map((timeframe_values) => ({ timeframe_operator: operator, timeframe_values }));
    }
  };
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    ...operators.map((operator) => ({ weight: /days/.test(operator) ? 2 : 1, arbitrary: of(operator) })),
  );
}

type Filtered = Pick<TimelineLeaf, 'filters' | 'filters_operator'>;

function filteredArbitrary(filter: fc.Arbitrary<NonNullable<Filtered['filters']>[number]>): fc.Arbitrary<Filtered> {
  const combination = fc.constantFrom<Filtered>({}, { filters_operator: 'and' }, { filters_operator: 'or' });
  return sometimes<Filtered>(
    fc.tuple(fewOf(filter, 0, 3), combination).map(([filters, operator]) => ({ filters, ...operator })),
    3,
  );
}

type Count = Pick<TimelineLeaf, 'count_operator' | 'count_value'>;

const counts = (count_operator: Count['count_operator'], ...values: number[]): Count[] =>
  values.map((count_value) => ({ count_operator, count_value }));

/** Numbers of events that, mostly, some contacts have and others have not. */
const COUNTS = [...counts('at_least', 1, 1, 1, 1, 2, 0), ...counts('at_most', 0, 0, 0, 1), ...counts('exactly', 0, 0, 0, 1, 1, 2)];

function timelineArbitrary(options: LeafOptions): fc.Arbitrary<TimelineLeaf> {
  const filter = filterArbitrary(EVENT_COLUMNS, { ...options, favourites: [], texts: [...REFERENCES, ...LIST_IDS, ...LINKS, ''] });
  const kind = fc.oneof(
    { weight: 3, arbitrary: kindArbitrary },
    { weight: 1, arbitrary: fc.constantFrom(...EVENT_NAMES).map((name) => CUSTOM_KIND_PREFIX + name) },
  );
  const template = sometimes(fc.constantFrom<string>(...REFERENCES, '').map((template_id) => ({ template_id })));
  return fc
    .tuple(kind, fc.constantFrom(...COUNTS), timeframeArbitrary(options), template, filteredArbitrary(filter))
    .map(([of, counted, timeframe, only, filtered]): TimelineLeaf => ({ kind: of, ...counted, ...timeframe, ...only, ...filtered }));
}

function goalArbitrary(options: LeafOptions): fc.Arbitrary<GoalLeaf> {
  const texts = [...KEY_TEXTS, ...EVENT_NAMES, ...GOAL_NAMES, ''];
  const filter = filterArbitrary(GOAL_COLUMNS, { ...options, favourites: ['goal_value', 'properties', 'event_name'], texts });
  const names = fc.tuple(
    sometimes(fc.constantFrom<string>(...GOAL_NAMES, '').map((goal_name) => ({ goal_name }))),
    sometimes(fc.constantFrom<string>(...EVENT_NAMES).map((event_name) => ({ event_name }))),
  );
  const goalType = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('*' as const, '*' as const, '*' as const, '*' as const, 'purchase' as const, 'lead' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...GOAL_TYPES) },
  );
  return fc
    .tuple(goalType, names, fc.constantFrom(...AGGREGATES), comparisonArbitrary, timeframeArbitrary(options), filteredArbitrary(filter))
    .map(
      ([goal_type, [named, only], aggregate_operator, comparison, timeframe, filtered]): GoalLeaf => ({
        ...{ goal_type, ...named, ...only, aggregate_operator, ...comparison },
        ...timeframe,
        ...filtered,
      }),
    );
}

const comparisonArbitrary: fc.Arbitrary<Pick<GoalLeaf, 'operator' | 'value' | 'value_2'>> = fc
  .tuple(fc.constantFrom(...COMPARISONS), askedGoalArbitrary, askedGoalArbitrary)
  .map(([operator, a, b]) =>
    operator === 'between' ? { operator, value: Math.min(a, b), value_2: Math.max(a, b) } : { operator, value: a },
  );
