/** Segment trees as segments.create and segments.preview take them, written short. */
export type Tree = { readonly kind: 'branch' | 'leaf' } & Readonly<Record<string, unknown>>;

const leaf = (source: string, name: string, body: object): Tree => ({ kind: 'leaf', leaf: { source, [name]: body } });
const branch = (operator: string, leaves: readonly Tree[]): Tree => ({ kind: 'branch', branch: { operator, leaves } });

export const allOf = (...leaves: Tree[]): Tree => branch('and', leaves);
export const noneOf = (...leaves: Tree[]): Tree => branch('none', leaves);

export type FieldFilter = {
  field_name: string;
  field_type: 'string' | 'number' | 'time' | 'json';
  operator: string;
  string_values?: readonly string[];
  number_values?: readonly number[];
  json_path?: readonly string[];
};

/** Filters on fields of the contact, ANDed. */
export const fields = (...filters: FieldFilter[]): Tree => leaf('contacts', 'contact', { filters });
export const onList = (operator: 'in' | 'not_in', list_id: string, status?: string): Tree =>
  leaf('contact_lists', 'contact_list', { operator, list_id, ...(status === undefined ? {} : { status }) });
export const inSegment = (operator: 'in' | 'not_in', segment_id: string): Tree => leaf('segments', 'segment', { operator, segment_id });

export type Timeframe = { timeframe_operator?: string; timeframe_values?: readonly string[] };
type Filtered = Timeframe & { filters?: readonly FieldFilter[] };

/** How many events of a kind. */
export const events = (kind: string, count_operator: 'at_least' | 'at_most' | 'exactly', count_value: number, more: Filtered = {}): Tree =>
  leaf('contact_timeline', 'contact_timeline', { kind, count_operator, count_value, ...more });

/** An aggregate over the goals of custom events; `goal_type` `*` stands for all of them. */
export const goals = (goal_type: string, aggregate_operator: string, operator: string, value: number, more: Filtered = {}): Tree =>
  leaf('custom_events_goals', 'custom_events_goal', { goal_type, aggregate_operator, operator, value, ...more });

export const lastDays = (days: number): Timeframe => ({ timeframe_operator: 'in_the_last_days', timeframe_values: [String(days)] });

/** The same in minutes, as the fraction of a day with which a tree says it. */
export const lastMinutes = (minutes: number): Timeframe => lastDays(Number((minutes / 1_440).toFixed(9)));
