/** What each call is for, what it takes and what it answers: the source of /openapi.json and /docs. */
import type { Operation } from './operation.ts';
import { CONTACT_OPERATIONS } from './operations-contacts.ts';
import { EVENT_OPERATIONS } from './operations-events.ts';
import { IMPORT_OPERATIONS } from './operations-imports.ts';
import { LIST_OPERATIONS } from './operations-lists.ts';
import { SEGMENT_OPERATIONS } from './operations-segments.ts';

export const OPERATIONS: readonly Operation[] = [
  ...CONTACT_OPERATIONS,
  ...LIST_OPERATIONS,
  ...SEGMENT_OPERATIONS,
  ...IMPORT_OPERATIONS,
  ...EVENT_OPERATIONS,
];

/** @throws Error unless exactly the calls that are served are documented. */
export function assertDocumented(served: readonly { method: string; path: string }[]): void {
  const documented = new Set(OPERATIONS.map((o) => `${o.method.toUpperCase()} ${o.path}`));
  const calls = new Set(served.map((e) => `${e.method} ${e.path}`));
  const faults = [...calls].filter((c) => !documented.has(c)).concat([...documented].filter((c) => !calls.has(c)));
  if (faults.length > 0) throw new Error(`served and documented calls differ: ${faults.join(', ')}`);
}
