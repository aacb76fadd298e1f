/**
 * One fault or one warning about an item: the same shape everywhere (`rejected`, `warnings`, `error.details`, `rejections.list`).
 *
 * `message` is plain English, says what to do, and never contains the value: values are people's data and end up in logs.
 */
import type { IssueCode } from './codes.ts';

export type Issue = {
  /** Position of the item in its request (0-based); absent for a single item. */
  index?: number;
  /** Name of the faulty field; `""` when the fault concerns the item as a whole. */
  field: string;
  code: IssueCode;
  message: string;
};

/** A field name given by a producer is shown back, but never more of it than a person can read. */
const MAX_FIELD_NAME = 100;

/** Builds an {@link Issue}; leaves `index` out when there is none. */
export function issue(index: number | undefined, field: string, code: IssueCode, message: string): Issue {
  const shown = field.length > MAX_FIELD_NAME ? `${wellFormedPrefix(field, MAX_FIELD_NAME)}…` : field;
  return index === undefined ? { field: shown, code, message } : { index, field: shown, code, message };
}

/** Cuts without splitting a surrogate pair: half a pair would make the answer itself invalid text. */
function wellFormedPrefix(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
