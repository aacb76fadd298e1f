/** The fields that filters may name, with their types: an allow-list, so that no text of a tree ever becomes a column's name. */
import { CONTACT_FIELD_RULES } from '@muster/domain';
import type { FieldType } from './operators.ts';

export type Columns = ReadonlyMap<string, FieldType>;

const TYPE_OF_RULE: Readonly<Record<string, FieldType>> = { number: 'number', datetime: 'time', json: 'json' };

/** Every field of a contact. */
export const CONTACT_COLUMNS: Columns = new Map<string, FieldType>([
  ['email', 'string'],
  ['external_id', 'string'],
  ['created_at', 'time'],
  ['updated_at', 'time'],
  ...CONTACT_FIELD_RULES.map(({ name, rule }): [string, FieldType] => [name, TYPE_OF_RULE[rule] ?? 'string']),
]);

/** What filters of a `contact_timeline` leaf apply to. */
export const EVENT_COLUMNS: Columns = new Map<string, FieldType>([
  ['template_id', 'string'],
  ['campaign_id', 'string'],
  ['list_id', 'string'],
  ['message_id', 'string'],
  ['link_url', 'string'],
  ['properties', 'json'],
]);

/** What filters of a `custom_events_goals` leaf apply to. */
export const GOAL_COLUMNS: Columns = new Map<string, FieldType>([
  ['event_name', 'string'],
  ['external_id', 'string'],
  ['goal_name', 'string'],
  ['goal_value', 'number'],
  ['properties', 'json'],
]);
