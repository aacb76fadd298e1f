/**
 * The tables that rows are inserted into, and their columns in the order in which rows are sent.
 *
 * Rows travel as arrays (`JSONCompactEachRow`): without the names of seventeen columns in every row a body is half as large, and
 * inserting it takes ClickHouse a fifth less time.
 */
import { CONTACT_FIELDS } from '@muster/domain';
import type { TableRows } from './rows.ts';

const TIMELINE = [
  ...['workspace_id', 'kind', 'contact_id', 'occurred_at', 'id', 'recorded_at', 'ord', 'entity_type', 'entity_id', 'message_id'],
  ...['template_id', 'campaign_id', 'list_id', 'link_url', 'changes', 'properties', 'keep_first'],
];
const CUSTOM_EVENTS = [
  ...['workspace_id', 'event_name', 'external_id', 'contact_id', 'occurred_at', 'accepted_at', 'ord', 'goal_name', 'goal_type'],
  ...['goal_value', 'properties', 'deleted_at', 'version', 'is_deleted'],
];

export type Target = { tables: readonly string[]; columns: readonly string[] };

/** By kind of row: physical tables and columns. Events go to both of their orders. */
export const TARGETS: Readonly<Record<keyof TableRows, Target>> = {
  contacts: {
    tables: ['contacts'],
    columns: [
      ...['workspace_id', 'contact_id', 'email', 'external_id', 'created_at', 'updated_at'],
      ...CONTACT_FIELDS,
      ...['version', 'is_deleted'],
    ],
  },
  contact_lists: {
    tables: ['contact_lists'],
    columns: ['workspace_id', 'list_id', 'contact_id', 'status', 'decided_at', 'created_at', 'updated_at', 'version', 'is_deleted'],
  },
  timeline: { tables: ['timeline_by_contact', 'timeline_by_kind'], columns: TIMELINE },
  custom_events: { tables: ['custom_events', 'custom_events_by_contact'], columns: CUSTOM_EVENTS },
  custom_events_by_contact: { tables: ['custom_events_by_contact'], columns: CUSTOM_EVENTS },
};

/**
 * The columns that at least one row has a value for. The others keep their default: of the forty columns of a profile most are
 * empty, and leaving them out takes a third off the insert.
 */
export function usedColumns(rows: readonly object[], columns: readonly string[]): string[] {
  return columns.filter((column) => (rows as readonly Record<string, unknown>[]).some((row) => row[column] !== undefined));
}

/** Rows as lines of JSON arrays; a value that a row does not have is null, which stands for the column's default. */
export function encodeRows(rows: readonly object[], columns: readonly string[]): Buffer {
  const cells: unknown[] = new Array(columns.length);
  let text = '';
  for (const row of rows as readonly Record<string, unknown>[]) {
    for (let i = 0; i < columns.length; i += 1) cells[i] = row[columns[i] as string];
    text += `${JSON.stringify(cells)}\n`;
  }
  return Buffer.from(text);
}

export const insertStatement = (table: string, columns: readonly string[]): string =>
  `INSERT INTO ${table} (${columns.join(', ')}) FORMAT JSONCompactEachRow`;
