/** Case-insensitive text: both sides in lower case, a final sigma read as sigma. Nothing else is normalised. */

/** What two texts that differ in case only have in common. */
export function folded(text: string): string {
  return text.toLowerCase().replaceAll('ς', 'σ');
}

/** Whether `part` occurs in `text`, case-insensitive and literal. */
export function containsText(text: string, part: string): boolean {
  return folded(text).includes(folded(part));
}
