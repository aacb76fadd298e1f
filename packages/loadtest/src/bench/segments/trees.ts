/** Segment trees as users send them: plain JSON. */
import { LINK } from './world-rows.ts';

export type Tree = { readonly kind: 'leaf'; readonly leaf: object } | { readonly kind: 'branch'; readonly branch: object };

const branch = (operator: 'and' | 'or' | 'none', leaves: readonly Tree[]): Tree => ({ kind: 'branch', branch: { operator, leaves } });
const leaf = (source: string, name: string, what: object): Tree => ({ kind: 'leaf', leaf: { source, [name]: what } });

export const all = (...leaves: Tree[]): Tree => branch('and', leaves);
export const none = (...leaves: Tree[]): Tree => branch('none', leaves);
export const fields = (...filters: object[]): Tree => leaf('contacts', 'contact', { filters });
export const onList = (operator: 'in' | 'not_in', list: string, status?: string): Tree =>
  leaf('contact_lists', 'contact_list', { operator, list_id: list, ...(status === undefined ? {} : { status }) });
export const inSegment = (id: string): Tree => leaf('segments', 'segment', { operator: 'in', segment_id: id });

type Timeframe = { timeframe_operator?: 'in_the_last_days'; timeframe_values?: string[] };
const lastDays = (days: number | null): Timeframe =>
  days === null ? {} : { timeframe_operator: 'in_the_last_days', timeframe_values: [String(days)] };

export type Count = 'at_least' | 'at_most' | 'exactly';
/** `days` null = at any time. */
export const activity = (kind: string, count: Count, value: number, days: number | null, filters: readonly object[] = []): Tree =>
  leaf('contact_timeline', 'contact_timeline', {
    ...{ kind, count_operator: count, count_value: value },
    ...lastDays(days),
    ...(filters.length > 0 ? { filters } : {}),
  });
export const goal = (aggregate: 'sum' | 'count', operator: 'gte' | 'eq', value: number, days: number | null): Tree =>
  leaf('custom_events_goals', 'custom_events_goal', {
    ...{ goal_type: 'purchase', aggregate_operator: aggregate, operator, value },
    ...lastDays(days),
  });

const text = (field: string, ...values: string[]): object => ({
  ...{ field_name: field, field_type: 'string', operator: 'equals', string_values: values },
});

/** The id by which the nested tree refers to another segment. */
export const LAPSED = 'bench_lapsed';

/** The eight kinds of tree, in the order in which they are built. */
export const KINDS: readonly { readonly id: string; readonly work: string; readonly tree: Tree }[] = [
  {
    id: 'bench_profile',
    work: 'profile: country and language and score and created within a year',
    tree: fields(
      text('country', 'DE', 'FR'),
      text('language', 'de', 'fr'),
      { field_name: 'custom_number_1', field_type: 'number', operator: 'gte', number_values: [500] },
      { field_name: 'created_at', field_type: 'time', operator: 'in_the_last_days', string_values: ['365'] },
    ),
  },
  {
    id: 'bench_lists',
    work: 'on a list and not on another',
    tree: all(onList('in', 'newsletter', 'active'), onList('not_in', 'customers')),
  },
  { id: 'bench_opened', work: 'opened at least 3 in 30 days', tree: activity('open_email', 'at_least', 3, 30) },
  {
    id: 'bench_quiet',
    work: 'on a list and no click in 90 days',
    tree: all(onList('in', 'newsletter', 'active'), activity('click_email', 'exactly', 0, 90)),
  },
  { id: 'bench_spent', work: 'spent 1,000 or more', tree: goal('sum', 'gte', 1_000, null) },
  { id: LAPSED, work: 'bought before, and not in 90 days', tree: all(goal('count', 'gte', 1, null), goal('count', 'eq', 0, 90)) },
  {
    id: 'bench_link',
    work: 'clicked a given link with a given program (JSON path)',
    tree: activity('click_email', 'at_least', 1, null, [
      text('link_url', LINK),
      { field_name: 'properties', field_type: 'json', operator: 'equals', json_path: ['agent'], string_values: ['Outlook 365'] },
    ]),
  },
  {
    id: 'bench_nested',
    work: 'opened in 30 days, and a profile, and not in another segment',
    tree: all(activity('open_email', 'at_least', 1, 30), fields(text('country', 'DE', 'FR')), none(inSegment(LAPSED))),
  },
];
