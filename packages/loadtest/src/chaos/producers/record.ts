/**
 * What producers know about what they sent, kept small: enough to say afterwards what the stores must hold, may hold, and must not.
 * Addresses and external ids are unique to a run of producers, so whatever else is in the stores was not sent.
 */
import type { Fate } from './sender.ts';

/** Numbered steps of one subject, sent one after the other. Every number up to `sent` was sent. */
export type Steps = {
  sent: number;
  /** Numbers without an acknowledgement: applied at most once, and anywhere after what was acknowledged before they were sent. */
  unknown: number[];
};

export type EventRecord = {
  /** Whom it must be filed under. Null = nobody yet: it must stay parked. */
  email: string | null;
  /** The producer's id of it, when it has one. */
  id: string | null;
  /** `erased`: its contact was erased after it was acknowledged, so it must be gone. */
  fate: Fate | 'erased';
};

export type MembershipRecord = {
  /** `status`, or null for no membership. */
  expected: string | null;
  /** An operation's fate is unknown, so nothing can be said about what is there. */
  uncertain: boolean;
};

export type Knowledge = {
  /** By address: numbered upserts of `custom_number_1`. */
  readonly contacts: Map<string, Steps>;
  /** By the unique message_id of each event. */
  readonly events: Map<string, EventRecord>;
  /** By external_id: numbered writes of one custom event. */
  readonly customEvents: Map<string, Steps>;
  /** By `address list`. */
  readonly memberships: Map<string, MembershipRecord>;
  /** Addresses whose erasure was acknowledged: nothing that was sent before may be left. */
  readonly erased: Set<string>;
  /** Addresses of upserts that must have been rejected with `external_id_taken`. */
  readonly rejected: Map<string, Fate>;
};

export const emptyKnowledge = (): Knowledge => ({
  contacts: new Map(),
  events: new Map(),
  customEvents: new Map(),
  memberships: new Map(),
  erased: new Set(),
  rejected: new Map(),
});

/** Takes the next number of a subject. */
export function nextStep(all: Map<string, Steps>, subject: string): number {
  const steps = all.get(subject) ?? { sent: 0, unknown: [] };
  all.set(subject, steps);
  steps.sent += 1;
  return steps.sent;
}

export function noteFate(all: ReadonlyMap<string, Steps>, sent: Iterable<readonly [subject: string, step: number]>, fate: Fate): void {
  if (fate === 'acknowledged') return;
  for (const [subject, step] of sent) all.get(subject)?.unknown.push(step);
}
