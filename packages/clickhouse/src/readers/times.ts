/** RFC 3339 UTC with milliseconds of what ClickHouse writes (`2026-01-31 10:00:00.123456`). */
export function isoTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11, 23)}Z`;
}

/** A JSON object stored as text; an empty text is an empty object. */
export function storedObject(text: string): Record<string, unknown> {
  if (text === '') return {};
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
