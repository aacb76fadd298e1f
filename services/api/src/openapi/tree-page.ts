/** The part of /docs about trees of segments: what the schema's tables say, for people. */
import {
  AGGREGATES,
  type Arity,
  COMPARISONS,
  CONTACT_COLUMNS,
  CONTACT_KINDS,
  COUNT_OPERATORS,
  EVENT_COLUMNS,
  FILTER_OPERATORS,
  GOAL_COLUMNS,
  LIST_KINDS,
  TIMEFRAME_OPERATORS,
} from '@muster/segments';
import { TREE_COMPONENT } from './tree-schema.ts';

const VALUES: Readonly<Record<Arity, string>> = {
  none: 'none',
  text: 'one or more in string_values',
  any: 'one or more in string_values or number_values, by the type',
  number: 'one in number_values',
  date: 'one time or day',
  dates: 'two times or days: start and end',
  days: 'one number of days',
  days2: 'two numbers of days, the larger first',
};

const code = (text: string) => `<code>${text}</code>`;
const codes = (texts: Iterable<string>) => [...texts].map(code).join(' ');
const row = (...cells: string[]) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
const table = (title: string, head: readonly string[], rows: readonly string[]) =>
  `<details><summary>${title}</summary><table><thead><tr>${head.map((h) => `<th>${h}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></details>`;

const operators = Object.entries(FILTER_OPERATORS).map(([name, { types, arity }]) => row(code(name), types.join(', '), VALUES[arity]));
const timeframes = Object.entries(TIMEFRAME_OPERATORS).map(([name, arity]) => row(code(name), VALUES[arity]));
const leaves = [
  row(code('contacts'), code('contact'), `${code('filters')}: all of them hold for the contact`),
  row(code('contact_lists'), code('contact_list'), `${codes(['operator', 'list_id', 'status?'])}: ${codes(['in', 'not_in'])}`),
  row(
    code('contact_timeline'),
    code('contact_timeline'),
    `${codes(['kind', 'count_operator', 'count_value'])}, a timeframe, ${codes(['template_id?', 'filters?', 'filters_operator?'])}: how often it happened. ${codes(COUNT_OPERATORS)}`,
  ),
  row(code('segments'), code('segment'), `${codes(['operator', 'segment_id'])}: ${codes(['in', 'not_in'])}`),
  row(
    code('custom_events_goals'),
    code('custom_events_goal'),
    `${codes(['goal_type', 'goal_name?', 'event_name?', 'aggregate_operator', 'operator', 'value', 'value_2?'])}, a timeframe, ${codes(['filters?', 'filters_operator?'])}. ${codes(AGGREGATES)}; ${codes(COMPARISONS)}`,
  ),
];
const fields = [
  row(code('contacts'), codes([...CONTACT_COLUMNS].map(([name, type]) => `${name}: ${type}`))),
  row(code('contact_timeline'), codes([...EVENT_COLUMNS].map(([name, type]) => `${name}: ${type}`))),
  row(code('custom_events_goals'), codes([...GOAL_COLUMNS].map(([name, type]) => `${name}: ${type}`))),
];

/** HTML; `id` is the name of the schema's component. */
export const TREE_SECTION = `<section id="${TREE_COMPONENT}"><h3>${TREE_COMPONENT}</h3>
<p>A node is a branch, ${code('{"kind": "branch", "branch": {"operator": "and" | "or" | "none", "leaves": [node, …]}}')}, or a leaf,
${code('{"kind": "leaf", "leaf": {"source": …, …}}')}. ${code('none')} holds where no leaf does. A filter is
${code('{"field_name", "field_type", "operator", "string_values"?, "number_values"?, "json_path"?}')}. Every fault of a tree is in
${code('error.details')} with its ${code('path')}.</p>
${table('Leaves', ['source', 'property', 'content'], leaves)}
${table('Operators of filters', ['operator', 'field types', 'values'], operators)}
${table('Timeframes', ['timeframe_operator', 'timeframe_values'], timeframes)}
${table('Fields', ['source', 'field_name: field_type'], fields)}
${table('Kinds', ['what', 'kind'], [row('contact', codes(CONTACT_KINDS)), row('list', codes(LIST_KINDS)), row('custom event', code('custom_event.&lt;name&gt;')), row('message', 'the kinds of <code>timeline.ingest</code>')])}
</section>`;
