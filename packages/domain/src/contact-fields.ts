/**
 * The profile fields of a contact and the rule of each: one table that normalisation, merging, storage and documentation share.
 */

/** `trimmed`: text without surrounding white space; `verbatim`: text as given; the others name their own rule. */
export type FieldRule = 'trimmed' | 'verbatim' | 'phone' | 'timezone' | 'language' | 'country' | 'number' | 'datetime' | 'json';

export type ContactField = { readonly name: string; readonly rule: FieldRule /** Unicode code points. */; readonly max: number };

const five = (prefix: string, rule: FieldRule, max = 0): ContactField[] =>
  [1, 2, 3, 4, 5].map((n) => ({ name: `${prefix}_${n}`, rule, max }));

/** Every field besides `email`, `external_id`, `created_at` and `updated_at`, in the order used everywhere. */
export const CONTACT_FIELD_RULES: readonly ContactField[] = [
  { name: 'first_name', rule: 'trimmed', max: 255 },
  { name: 'last_name', rule: 'trimmed', max: 255 },
  { name: 'full_name', rule: 'trimmed', max: 255 },
  { name: 'job_title', rule: 'trimmed', max: 255 },
  { name: 'phone', rule: 'phone', max: 50 },
  { name: 'timezone', rule: 'timezone', max: 50 },
  { name: 'language', rule: 'language', max: 50 },
  { name: 'address_line_1', rule: 'trimmed', max: 255 },
  { name: 'address_line_2', rule: 'trimmed', max: 255 },
  { name: 'country', rule: 'country', max: 100 },
  { name: 'state', rule: 'trimmed', max: 100 },
  { name: 'postcode', rule: 'trimmed', max: 20 },
  ...five('custom_string', 'verbatim', 255),
  ...five('custom_number', 'number'),
  ...five('custom_datetime', 'datetime'),
  ...five('custom_json', 'json'),
];

/** Names of {@link CONTACT_FIELD_RULES}, in the same order. */
export const CONTACT_FIELDS: readonly string[] = CONTACT_FIELD_RULES.map((field) => field.name);

const BY_NAME = new Map(CONTACT_FIELD_RULES.map((field) => [field.name, field]));

/** Rule of a profile field, or undefined when there is no such field. */
export function contactField(name: string): ContactField | undefined {
  return BY_NAME.get(name);
}

/** Fields of an answer that producers send back; they are read-only. */
export const READ_ONLY_FIELDS: ReadonlySet<string> = new Set(['contact_id', 'updated_at', 'contact_lists', 'contact_segments', 'version']);
