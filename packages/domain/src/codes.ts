/**
 * Every code that an {@link Issue} can carry. Codes are stable: producers branch on them; messages may be reworded.
 *
 * | code | meaning |
 * |---|---|
 * | `required` | a field that must be there is absent or null |
 * | `invalid_type` | the JSON type is wrong (a number where text belongs, a numeric string where a number belongs) |
 * | `invalid_email` | not an email address (grammar of HTML's `<input type=email>`) |
 * | `too_long` | more characters than the field holds; values are never cut |
 * | `too_large` | more bytes than the item or the JSON field may have |
 * | `too_deep` | nested deeper than 64 levels |
 * | `invalid_characters` | NUL or an unpaired surrogate in a string or key |
 * | `forbidden_key` | `__proto__`, `constructor` or `prototype` as a key |
 * | `invalid_datetime` | not RFC 3339 with offset (or `YYYY-MM-DD` where dates are allowed), no such date, or outside 1900…2299 |
 * | `invalid_number` | not finite |
 * | `invalid_json_value` | neither an object nor an array |
 * | `invalid_kind` | not one of the message kinds |
 * | `occurred_at_in_future` | more than 24 hours ahead of the time of acceptance |
 * | `invalid_event_name` `invalid_goal_type` `invalid_goal_value` | custom events: the value breaks the field's rule |
 * | `goal_value_required` | `purchase` and `subscription` need a `goal_value` |
 * | `empty_not_allowed` | an identifier is empty |
 * | `invalid_value` | any other rule of a request schema |
 * | `malformed_json` | a line of NDJSON that is not JSON |
 * | `external_id_taken` `email_taken` | the identifier belongs to another contact (known only when applied) |
 * | `external_id_mismatch` | the email belongs to a contact with another external_id (known only when applied) |
 * | `unknown_external_id` | nobody got that external_id within 30 days |
 * | `list_not_found` `list_gone` | no such list; deleted between acceptance and application |
 * | `crashed_worker` | the item ended the process that applied it, twice |
 * | `ignored_field` | warning: the field is unknown or read-only and was left out |
 * | `unrecognised_phone` `unrecognised_country` `unrecognised_language` `unrecognised_timezone` | warning: kept as given |
 */
export const ISSUE_CODES = [
  'required',
  'invalid_type',
  'invalid_email',
  'too_long',
  'too_large',
  'too_deep',
  'invalid_characters',
  'forbidden_key',
  'invalid_datetime',
  'invalid_number',
  'invalid_json_value',
  'invalid_kind',
  'occurred_at_in_future',
  'invalid_event_name',
  'invalid_goal_type',
  'goal_value_required',
  'invalid_goal_value',
  'empty_not_allowed',
  'invalid_value',
  'malformed_json',
  'external_id_taken',
  'email_taken',
  'external_id_mismatch',
  'unknown_external_id',
  'list_not_found',
  'list_gone',
  'crashed_worker',
  'ignored_field',
  'unrecognised_phone',
  'unrecognised_country',
  'unrecognised_language',
  'unrecognised_timezone',
] as const;

export type IssueCode = (typeof ISSUE_CODES)[number];
