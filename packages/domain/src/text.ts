/**
 * Text helpers shared by every field: what counts as white space, and how long a text is.
 * All of them are linear in the length of the text, whatever it contains.
 */

/**
 * White space as ECMAScript's `trim` knows it (Unicode Zs, tab, line ends, U+FEFF) plus U+0085, which Unicode
 * calls white space and ECMAScript does not.
 */
function isWhite(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x85) return false;
  if (unit === 0x85 || unit === 0xa0) return true;
  if (unit < 0x1680) return false;
  return (
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000 ||
    unit === 0xfeff
  );
}

/** Removes Unicode white space (U+00A0 too) from both ends; returns the same string when there is none. */
export function trimText(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhite(text.charCodeAt(start))) start++;
  while (end > start && isWhite(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** Whether `text` has more than `max` Unicode code points; stops counting at the limit. */
export function isLongerThan(text: string, max: number): boolean {
  const units = text.length;
  if (units <= max) return false;
  if (units > max * 2) return true;
  let points = units;
  for (let i = 0; i < units - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(i + 1);
    if (next < 0xdc00 || next > 0xdfff) continue;
    points--;
    if (points <= max) return false;
    i++;
  }
  return true;
}

/** Whether nothing but white space is left. */
export function isBlank(text: string): boolean {
  return trimText(text) === '';
}
