/** Turns outboxes and events into ClickHouse rows, and says which dependencies of segments they touch. */
import {
  type Acceptance,
  type CustomEventInput,
  clickhouseTime,
  customEventMoved,
  customEventRow,
  type TableRows,
  type TimelineRow,
  timelineRow,
} from '@muster/clickhouse';
import type { ActivityEvent } from '@muster/domain';
import { type Touched, touch } from '@muster/queues';
import type { Entry, StoredCustomEvent } from './outbox.ts';

/** ISO time of an acceptance given in microseconds; the default of `occurred_at`. */
export const isoOfMicros = (micros: number): string => new Date(Math.floor(micros / 1_000)).toISOString();

export function entryRow(workspaceId: number, accepted: Acceptance, entry: Entry): TimelineRow {
  return timelineRow({
    workspaceId,
    contactId: entry.c,
    kind: entry.k,
    occurredAt: entry.t ?? accepted.iso,
    id: entry.i,
    accepted,
    ord: entry.o,
    entityType: entry.l === undefined ? 'contact' : 'contact_list',
    entityId: entry.l ?? String(entry.c),
    ...(entry.ch ? { changes: entry.ch } : {}),
  });
}

/** Row of an activity event. Its id is the producer's, else the item's identity, so that a repeated insert is the same row. */
export function eventRow(
  workspaceId: number,
  contactId: number,
  event: ActivityEvent,
  item: { id: string; accepted: Acceptance; ord: number },
): TimelineRow {
  return timelineRow({
    workspaceId,
    contactId,
    kind: event.kind,
    occurredAt: event.occurred_at ?? item.accepted.iso,
    id: event.id ?? item.id,
    accepted: item.accepted,
    ord: item.ord,
    entityType: 'message',
    entityId: event.message_id ?? event.id ?? item.id,
    message: event,
    ...(event.properties ? { properties: event.properties } : {}),
  });
}

/** Adds the rows of a custom event: its latest state in both orders, and tombstones under the contacts that it left. */
export function addCustomEvent(rows: Required<TableRows>, touched: Touched, workspaceId: number, stored: StoredCustomEvent): void {
  const input = customEventInput(stored);
  rows.custom_events.push(customEventRow(workspaceId, input));
  for (const from of stored.from ?? []) rows.custom_events_by_contact.push(customEventMoved(workspaceId, input, from));
  for (const contactId of [stored.c, ...(stored.from ?? [])]) touchCustomEvent(touched, stored, contactId);
}

/**
 * Adds what is left to say of a custom event whose contact was erased before it was delivered: tombstones for the contacts that it had
 * left, or it would still be shown with one of them.
 */
export function addCustomEventGone(rows: Required<TableRows>, touched: Touched, workspaceId: number, stored: StoredCustomEvent): void {
  const input = customEventInput(stored);
  for (const from of stored.from ?? []) {
    rows.custom_events.push(customEventMoved(workspaceId, input, from));
    touchCustomEvent(touched, stored, from);
  }
}

function customEventInput(stored: StoredCustomEvent): CustomEventInput {
  return { ...stored.e, contact_id: stored.c, occurred_at: stored.t, accepted_at: stored.acc, ord: stored.o, version: stored.v };
}

function touchCustomEvent(touched: Touched, stored: StoredCustomEvent, contactId: number): void {
  touch(touched, `kind:custom_event.${stored.e.event_name}`, contactId);
  // One dependency for all goals: an update may change an event's goal type, and the head does not remember the old one.
  touch(touched, 'goals', contactId);
}

/** Marks what an entry touches: its kind, the changed fields, its list; a new contact is looked at by every segment. */
export function touchEntry(touched: Touched, entry: Entry): void {
  touch(touched, `kind:${entry.k}`, entry.c);
  if (entry.k === 'contact.created') touch(touched, 'contact', entry.c);
  if (entry.l !== undefined) {
    touch(touched, `list:${entry.l}`, entry.c);
    return;
  }
  for (const field of Object.keys(entry.ch ?? {})) touch(touched, `field:${field}`, entry.c);
  // It moves with every change and is never named as one.
  touch(touched, 'field:updated_at', entry.c);
}

export function emptyRows(): Required<TableRows> {
  return { contacts: [], contact_lists: [], timeline: [], custom_events: [], custom_events_by_contact: [] };
}

/** Entries older than this when they are stored may have left a window meanwhile, unseen by whoever looks for that. */
const LATE_MS = 60_000;

/** Marks contacts with late entries by the windows of their kinds, by workspace; after the rows are stored, and before the marks are made. */
export function touchLate(marks: ReadonlyMap<number, Touched>, rows: readonly TimelineRow[]): void {
  const limit = clickhouseTime(new Date(Date.now() - LATE_MS).toISOString());
  for (const row of rows) {
    const touched = row.occurred_at < limit ? marks.get(row.workspace_id) : undefined;
    if (touched) touch(touched, `window:kind:${row.kind}`, row.contact_id);
  }
}
