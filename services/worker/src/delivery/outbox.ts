/**
 * The outbox of a ledger row: what one chunk still owes ClickHouse and the queues. Slim on purpose, because writing it is part of
 * a lane's transaction: ids, kinds and changed values; the mirror rows are read from Postgres at delivery, where any version at
 * or above the one that was written is right.
 */
import { activityEventSchema, customEventSchema } from '@muster/domain';
import type { ContactRow, MembershipRow } from '@muster/postgres';
import { customEventItemSchema, profileItemSchema } from '@muster/queues';
import { z } from 'zod';

/** One timeline entry of a contact or membership; `t` ISO time, default the chunk's acceptance; `o` order in the request. */
const entrySchema = z.object({
  c: z.number().int(),
  k: z.string(),
  i: z.string(),
  o: z.number().int(),
  t: z.string().optional(),
  /** List id of list.* entries. */
  l: z.string().optional(),
  ch: z.record(z.string(), z.unknown()).optional(),
});
export type Entry = z.infer<typeof entrySchema>;

/** An activity event of a parked item; the events of a timeline chunk come from its job instead. */
const storedEventSchema = z.object({
  c: z.number().int(),
  i: z.string(),
  o: z.number().int(),
  acc: z.number().int(),
  e: activityEventSchema,
});
export type StoredEvent = z.infer<typeof storedEventSchema>;

const customSchema = z.object({
  e: customEventSchema,
  c: z.number().int(),
  t: z.string(),
  acc: z.number().int(),
  o: z.number().int(),
  v: z.number().int(),
  /** Contacts that the event left. */
  from: z.array(z.number().int()).optional(),
});
export type StoredCustomEvent = z.infer<typeof customSchema>;

const queueSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('profile'), lane: z.number().int() }),
  z.object({ kind: z.literal('custom_event'), lane: z.number().int() }),
]);
const followUpSchema = z.object({
  queue: queueSchema,
  acc: z.number().int(),
  unparked: z.boolean().optional(),
  items: z.array(z.union([profileItemSchema, customEventItemSchema])),
});
export type OutboxFollowUp = z.infer<typeof followUpSchema>;

export const outboxSchema = z.object({
  entries: z.array(entrySchema).optional(),
  /** Contacts whose mirror row is to be refreshed. */
  contacts: z.array(z.number().int()).optional(),
  /** [contact, list] of memberships whose mirror row is to be refreshed. */
  lists: z.array(z.tuple([z.number().int(), z.string()])).optional(),
  events: z.array(storedEventSchema).optional(),
  custom: z.array(customSchema).optional(),
  followUps: z.array(followUpSchema).optional(),
});
export type Outbox = z.infer<typeof outboxSchema>;

/** Profiles and memberships as a transaction left them: whoever committed it need not read them again for the mirror. */
export type Written = { contacts: readonly ContactRow[]; memberships: readonly MembershipRow[] };

/** What one ledger row owes. `written` is null when only the ledger is known. */
export type Delivery = {
  chunkId: string;
  workspaceId: number;
  /** Microseconds. */
  acceptedAt: number;
  replyTo: string | null;
  outbox: Outbox;
  written: Written | null;
};

/** How much a delivery keeps in memory: everything that it owes, whatever kind it is, and itself. */
export function weightOf({ outbox }: Pick<Delivery, 'outbox'>): number {
  return Object.values(outbox).reduce((sum, owed) => sum + (owed?.length ?? 0), 1);
}

/** JSON text of an outbox, or null when it owes nothing. */
export function serializeOutbox(outbox: Outbox): string | null {
  const full = Object.fromEntries(Object.entries(outbox).filter(([, v]) => Array.isArray(v) && v.length > 0));
  return Object.keys(full).length === 0 ? null : JSON.stringify(full);
}

export function parseOutbox(text: string): Outbox {
  return outboxSchema.parse(JSON.parse(text));
}
