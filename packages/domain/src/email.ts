/**
 * Email addresses: the identity of a contact, so two spellings of one address must never become two keys.
 *
 * trim Unicode white space → NFC → lower-case → NFC (lower-casing can undo NFC: `J̌` becomes `ǰ` in two code points) → grammar.
 * The grammar is that of HTML's `<input type=email>` (WHATWG HTML §4.10.5.1.5) with letters, marks and digits of any script
 * on both sides, at least two labels in the domain, and a last label that is not all digits. No punycode conversion:
 * `münchen.de` and `xn--mnchen-3ya.de` are two addresses. Upper and lower case are Unicode's: ß and SS stay apart.
 */
import { type Issue, issue } from './issue.ts';
import { trimText } from './text.ts';

/** UTF-8 bytes of a normalised address (RFC 5321: a path of 256 octets with its angle brackets). */
export const MAX_EMAIL_BYTES = 254;
/** No text longer than this can normalise to 254 bytes: NFC joins at most a few code units into one. */
const MAX_RAW_UNITS = 4 * MAX_EMAIL_BYTES;
const MAX_LABEL = 63;

export type EmailResult = { ok: true; email: string } | { ok: false; issue: Issue };

/**
 * Normalises an address; linear in its length, whatever it holds.
 *
 * @returns the key of the contact, or one issue on field `email`: `required` (absent, null), `invalid_type`, `too_long`, `invalid_email`
 */
export function normaliseEmail(raw: unknown, index?: number, field = 'email'): EmailResult {
  if (typeof raw !== 'string') {
    return raw === undefined || raw === null
      ? failed(index, field, 'required', 'An email address is required; add it.')
      : failed(index, field, 'invalid_type', 'The email address must be a string.');
  }
  const trimmed = trimText(raw);
  if (trimmed.length > MAX_RAW_UNITS) return tooLong(index, field);
  const ascii = isAsciiEmail(trimmed);
  if (ascii === 'valid') return { ok: true, email: trimmed.toLowerCase() };
  if (ascii === 'not_ascii') {
    const email = trimmed.normalize('NFC').toLowerCase().normalize('NFC');
    if (Buffer.byteLength(email) > MAX_EMAIL_BYTES) return tooLong(index, field);
    if (isUnicodeEmail(email)) return { ok: true, email };
  } else if (trimmed.length > MAX_EMAIL_BYTES) {
    return tooLong(index, field);
  }
  return failed(index, field, 'invalid_email', 'This is not an email address; send one address like name@example.com.');
}

function failed(
  index: number | undefined,
  field: string,
  code: 'required' | 'invalid_type' | 'invalid_email',
  message: string,
): EmailResult {
  return { ok: false, issue: issue(index, field, code, message) };
}

function tooLong(index: number | undefined, field: string): EmailResult {
  return {
    ok: false,
    issue: issue(index, field, 'too_long', `An email address has at most ${MAX_EMAIL_BYTES} bytes; send a shorter one.`),
  };
}

// 0 = not allowed, 1 = letter or digit, 2 = hyphen, 3 = other character of the local part, 4 = dot, 5 = at sign
const KIND = new Uint8Array(128);
for (const c of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789') KIND[c.charCodeAt(0)] = 1;
for (const c of "!#$%&'*+/=?^_`{|}~") KIND[c.charCodeAt(0)] = 3;
KIND[0x2d] = 2;
KIND[0x2e] = 4;
KIND[0x40] = 5;

/** One pass over an ASCII address: nearly all addresses take this path and need neither NFC nor a regular expression. */
function isAsciiEmail(text: string): 'valid' | 'invalid' | 'not_ascii' {
  const length = text.length;
  let at = -1;
  let valid = length <= MAX_EMAIL_BYTES;
  let labelStart = 0;
  let labels = 0;
  let digitsOnly = true;
  let previous = 0;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return 'not_ascii';
    const kind = KIND[unit] as number;
    if (kind === 0) valid = false;
    else if (at < 0) {
      if (kind === 5) {
        if (i === 0) valid = false;
        at = i;
        labelStart = i + 1;
      }
    } else if (kind === 4) {
      if (i === labelStart || previous === 2 || i - labelStart > MAX_LABEL) valid = false;
      labels++;
      labelStart = i + 1;
      digitsOnly = true;
    } else if (kind === 1) {
      if (unit > 0x39) digitsOnly = false;
    } else if (kind === 2) {
      if (i === labelStart) valid = false;
      digitsOnly = false;
    } else valid = false;
    previous = kind;
  }
  if (at < 0 || labels < 1 || labelStart === length || previous === 2 || length - labelStart > MAX_LABEL || digitsOnly) return 'invalid';
  return valid ? 'valid' : 'invalid';
}

// Single character classes: no nested repetition, so matching is linear. Cc and Cf are in none of the classes.
const LOCAL = /^[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]+$/u;
const LABEL = /^[\p{L}\p{M}\p{N}-]+$/u;
const DIGITS = /^\p{Nd}+$/u;

function isUnicodeEmail(email: string): boolean {
  const at = email.indexOf('@');
  if (at < 1 || !LOCAL.test(email.slice(0, at))) return false;
  const labels = email.slice(at + 1).split('.');
  if (labels.length < 2) return false;
  for (const label of labels) {
    if (!LABEL.test(label) || label.startsWith('-') || label.endsWith('-')) return false;
    if ([...label].length > MAX_LABEL) return false;
  }
  return !DIGITS.test(labels[labels.length - 1] as string);
}
