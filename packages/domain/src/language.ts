/**
 * Language tags (BCP 47, RFC 5646) in canonical form: `pt_br` → `pt-BR`, `iw` → `he`.
 */

const MAX_CACHED = 5_000;
const cache = new Map<string, string | null>();

/** Primary subtags of 4–8 letters are well-formed but none is registered: `english` is a word, not a tag. */
const PRIMARY = /^[A-Za-z]{2,3}(?:-|$)/;

/** Canonical tag of a trimmed text (`_` reads as `-`), or null when it is not a BCP 47 language tag. */
export function normaliseLanguage(text: string): string | null {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const tag = canonical(text.replaceAll('_', '-'));
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(text, tag);
  return tag;
}

function canonical(tag: string): string | null {
  if (!PRIMARY.test(tag)) return null;
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null;
  } catch (error) {
    // RangeError is how Intl says "not a language tag"; anything else is a fault of ours.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
