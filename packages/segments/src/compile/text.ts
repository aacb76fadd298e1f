/** Conditions on text. "Case-insensitive" means what it means for filters on the mirror. */
import { fold } from '@muster/clickhouse';
import type { Params } from './params.ts';

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
