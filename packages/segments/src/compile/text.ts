/** Conditions on text. "Case-insensitive": both sides through ClickHouse's `lowerUTF8`, final sigma read as sigma. */
import type { Params } from './params.ts';

export const fold = (expression: string): string => `replaceAll(lowerUTF8(${expression}), 'ς', 'σ')`;

const SEARCHES = {
  contains: (text: string, needle: string) => `position(${text}, ${needle}) > 0`,
  starts_with: (text: string, needle: string) => `startsWith(${text}, ${needle})`,
  ends_with: (text: string, needle: string) => `endsWith(${text}, ${needle})`,
};

export type Search = keyof typeof SEARCHES;

/** Whether a text has one of the needles in it, literally: `%` and `_` are ordinary. */
export function search(operator: Search, text: string, needles: readonly string[], params: Params): string {
  const [only] = needles;
  if (needles.length === 1 && only !== undefined) return SEARCHES[operator](fold(text), fold(params.text(only)));
  return `arrayExists(n -> ${SEARCHES[operator](fold(text), 'n')}, arrayMap(n -> ${fold('n')}, ${params.texts(needles)}))`;
}
