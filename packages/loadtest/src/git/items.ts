/** A commit as a custom event, an author as a contact. Pure. */
import { normaliseEmail } from '@muster/domain';
import type { Commit } from './log.ts';

const MAX_NAME = 255;

/** `importId` marks the writes of one run: whatever other repositories and earlier runs left, this run can count its own. */
export function commitEvent(commit: Commit, importId: string): Record<string, unknown> {
  return {
    event_name: 'commit',
    external_id: commit.hash,
    email: commit.email,
    occurred_at: isoOf(commit.authoredAt),
    properties: { subject_length: [...commit.subject].length, parents: commit.parents, import: importId },
  };
}

export function authorContact(commit: Commit): Record<string, unknown> {
  return { email: commit.email, full_name: [...commit.name].slice(0, MAX_NAME).join('') };
}

/** One person however the address is written; an address that is none stays as it is. */
export function authorKey(email: string): { key: string; valid: boolean } {
  const result = normaliseEmail(email);
  return result.ok ? { key: result.email, valid: true } : { key: email, valid: false };
}

/** RFC 3339; a date that no calendar has is sent as it is, and refused. */
function isoOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

/** Year of a commit as git prints it in UTC. */
export function yearOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? 'unknown' : String(date.getUTCFullYear());
}
