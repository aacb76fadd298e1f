/**
 * ISO UTC with milliseconds of a `timestamptz` read as text (`2026-01-31 10:00:00.12+00`); finer fractions are cut.
 *
 * The driver would make a `Date` of every time, and most of them become text again at once: reading the text took 4 % of a worker's
 * time less. The pool sets the zone and style that this relies on.
 */
export function isoTime(text: string): string {
  const fraction = text.charCodeAt(19) === 0x2e ? text.slice(20, text.indexOf('+', 20)).padEnd(3, '0').slice(0, 3) : '000';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`;
}
