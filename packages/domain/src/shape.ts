/**
 * Deep checks on one item of a request: what no field rule may have to think about again.
 *
 * One walk finds NUL and unpaired surrogates (Postgres refuses a whole statement that holds one), keys that could reach a
 * prototype (`JSON.parse` makes `__proto__` an own key), numbers that JSON cannot hold (`1e999` parses to Infinity), nesting
 * beyond 64 levels, and the size as compact UTF-8 JSON. The walk never goes deeper than the limit, so no nesting overflows
 * the stack, and it stops at the first fault, so no item costs more than its allowed size.
 */
import { type Issue, issue } from './issue.ts';

/** Levels of objects and arrays, the item itself being the first. */
export const MAX_DEPTH = 64;
/** Bytes of one contact as JSON. */
export const MAX_CONTACT_BYTES = 256 * 1024;
/** Bytes of one event as JSON. */
export const MAX_EVENT_BYTES = 32 * 1024;
/** Bytes of one `custom_json` field and of `properties` as JSON. */
export const MAX_JSON_FIELD_BYTES = 32 * 1024;

// Negative results of the walk; any result ≥ 0 is a size in bytes.
const TOO_LARGE = -1;
const TOO_DEEP = -2;
const BAD_TEXT = -3;
const FORBIDDEN = -4;
const BAD_NUMBER = -5;
const NOT_JSON = -6;

/**
 * Checks one parsed JSON item.
 *
 * @param item what `JSON.parse` returned
 * @param maxBytes limit of the item's compact JSON in UTF-8 bytes ({@link MAX_CONTACT_BYTES}, {@link MAX_EVENT_BYTES})
 * @returns the first fault, with the top-level field that holds it (`""` for the item as a whole), or null. Codes:
 *   `too_large`, `too_deep`, `invalid_characters`, `forbidden_key`, `invalid_number`, `invalid_type`
 */
export function checkShape(item: unknown, maxBytes: number, index?: number): Issue | null {
  const result = measureShape(item, maxBytes, index);
  return typeof result === 'number' ? null : result;
}

/**
 * True for JSON text whose strings and keys cannot hold anything that is refused: a NUL or an unpaired surrogate can only come as
 * an escape (the text itself is valid UTF-8), and the keys that reach a prototype do not occur in it at all. One look at the text
 * of a request spares looking at every character of its items again.
 */
export function isPlainJson(text: string): boolean {
  return !/\\u|__proto__|constructor|prototype/.test(text);
}

/**
 * As {@link checkShape}, but returns the size in bytes when there is no fault.
 *
 * @param plain the item comes from a text that is {@link isPlainJson}; the size returned is then an upper bound
 */
export function measureShape(item: unknown, maxBytes: number, index?: number, plain = false): number | Issue {
  if (plain) {
    const bound = boundOf(item, 1);
    // Anything doubtful (too large by this bound, too deep, no finite number) is for the exact walk to name.
    if (bound <= maxBytes) return bound;
  }
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    const size = measure(item, 1, maxBytes);
    if (size > maxBytes) return fault(TOO_LARGE, '', index, maxBytes);
    return size >= 0 ? size : fault(size, '', index, maxBytes);
  }
  const entries = item as Record<string, unknown>;
  const keys = Object.keys(entries);
  // Braces, a comma after each entry, and one comma too many.
  let bytes = keys.length > 0 ? 1 : 2;
  for (const key of keys) {
    const keyBytes = measureKey(key);
    if (keyBytes < 0) return fault(keyBytes, keyBytes === BAD_TEXT ? '' : key, index, maxBytes);
    const size = measure(entries[key], 2, maxBytes - bytes);
    if (size < 0) return fault(size, size === TOO_LARGE ? '' : key, index, maxBytes);
    bytes += keyBytes + size;
    if (bytes > maxBytes) return fault(TOO_LARGE, '', index, maxBytes);
  }
  return bytes > maxBytes ? fault(TOO_LARGE, '', index, maxBytes) : bytes;
}

/** An upper bound of the size of plain JSON, Infinity when it may be at fault. A character takes at most six bytes, as an escape. */
function boundOf(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length * 6 + 2;
  if (typeof value === 'number') return Number.isFinite(value) ? 25 : Number.POSITIVE_INFINITY;
  if (typeof value !== 'object' || value === null) return typeof value === 'boolean' || value === null ? 5 : Number.POSITIVE_INFINITY;
  if (depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
  let bytes = 2;
  if (Array.isArray(value)) for (const element of value) bytes += boundOf(element, depth + 1) + 1;
  else for (const key of Object.keys(value)) bytes += key.length * 6 + 4 + boundOf((value as Record<string, unknown>)[key], depth + 1);
  return bytes;
}

/** Size of an already checked JSON value as compact JSON, in UTF-8 bytes. */
export function jsonBytes(value: unknown): number {
  return measure(value, 1, Number.POSITIVE_INFINITY);
}

function measure(value: unknown, depth: number, maxBytes: number): number {
  if (typeof value === 'string') return measureText(value, maxBytes);
  if (typeof value === 'number') return measureNumber(value);
  if (typeof value === 'boolean') return value ? 4 : 5;
  if (value === null) return 4;
  if (typeof value !== 'object') return NOT_JSON;
  if (depth > MAX_DEPTH) return TOO_DEEP;
  if (Array.isArray(value)) {
    let bytes = value.length > 0 ? 1 : 2;
    for (let i = 0; i < value.length; i++) {
      const size = measure(value[i], depth + 1, maxBytes - bytes);
      if (size < 0) return size;
      bytes += size + 1;
      if (bytes > maxBytes) return TOO_LARGE;
    }
    return bytes > maxBytes ? TOO_LARGE : bytes;
  }
  const entries = value as Record<string, unknown>;
  const keys = Object.keys(entries);
  let bytes = keys.length > 0 ? 1 : 2;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const keyBytes = measureKey(key);
    if (keyBytes < 0) return keyBytes;
    const size = measure(entries[key], depth + 1, maxBytes - bytes);
    if (size < 0) return size;
    bytes += keyBytes + size;
    if (bytes > maxBytes) return TOO_LARGE;
  }
  return bytes > maxBytes ? TOO_LARGE : bytes;
}

/** Bytes of a key with its colon and comma. */
function measureKey(key: string): number {
  if (isForbiddenKey(key)) return FORBIDDEN;
  const size = measureText(key, Number.POSITIVE_INFINITY);
  return size < 0 ? size : size + 2;
}

/** Keys that reach an object's prototype when code assigns by name. */
export function isForbiddenKey(key: string): boolean {
  if (key.length === 9) return key === '__proto__' || key === 'prototype';
  return key.length === 11 && key === 'constructor';
}

/** Bytes of a text with its quotes and escapes as `JSON.stringify` writes them; refuses what Postgres cannot store. */
function measureText(text: string, maxBytes: number): number {
  const length = text.length;
  if (length > maxBytes) return TOO_LARGE;
  let bytes = length + 2;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) {
      if (unit < 0x800) bytes += 1;
      else if (unit < 0xd800 || unit > 0xdfff) bytes += 2;
      else {
        // A pair is two units and four bytes.
        const next = text.charCodeAt(i + 1);
        if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return BAD_TEXT;
        bytes += 2;
        i++;
      }
    } else if (unit < 0x20) {
      if (unit === 0) return BAD_TEXT;
      bytes += unit === 0x0a || unit === 0x0d || unit === 0x09 || unit === 0x08 || unit === 0x0c ? 1 : 5;
    } else if (unit === 0x22 || unit === 0x5c) bytes += 1;
  }
  return bytes > maxBytes ? TOO_LARGE : bytes;
}

function measureNumber(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 1e6) {
    if (value < 10) return 1;
    if (value < 100) return 2;
    if (value < 1000) return 3;
    return value < 10_000 ? 4 : value < 100_000 ? 5 : 6;
  }
  return Number.isFinite(value) ? String(value).length : BAD_NUMBER;
}

function fault(result: number, field: string, index: number | undefined, maxBytes: number): Issue {
  switch (result) {
    case TOO_LARGE:
      return issue(index, field, 'too_large', `The item is larger than ${maxBytes / 1024} KiB of JSON; send less data with it.`);
    case TOO_DEEP:
      return issue(index, field, 'too_deep', `Objects and arrays are nested deeper than ${MAX_DEPTH} levels; flatten them.`);
    case BAD_TEXT:
      return issue(index, field, 'invalid_characters', 'A string or key holds a NUL or an unpaired surrogate; remove it.');
    case FORBIDDEN:
      return issue(
        index,
        field,
        'forbidden_key',
        'The keys __proto__, constructor and prototype are not allowed at any depth; rename the key.',
      );
    case BAD_NUMBER:
      return issue(index, field, 'invalid_number', 'A number is too large to be stored; send a finite number.');
    default:
      return issue(index, field, 'invalid_type', 'The item holds something that JSON does not have; send JSON values only.');
  }
}
