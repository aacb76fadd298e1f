/**
 * Delivers outboxes. The order is the promise: follow-up chunks → ClickHouse → touched → delivered. A crash between two steps
 * leaves the row undelivered and every step is repeatable: follow-ups have derived ids, rows are the same rows, marks are sets.
 */
import { hash } from 'node:crypto';
import { acceptanceOf, contactMirrorRow, membershipMirrorRow, type TableRows } from '@muster/clickhouse';
import { type NewRejection, readContacts, readMemberships, recordRejections } from '@muster/postgres';
import { addFollowUps, type Touched, touch } from '@muster/queues';
import type { Deps } from '../deps.ts';
import type { Delivery } from './outbox.ts';
import { addCustomEvent, addCustomEventGone, emptyRows, entryRow, eventRow, touchEntry, touchLate } from './rows.ts';

/**
 * Inserts what the deliveries owe, follow-ups first. Entries and mirror rows of contacts that were erased meanwhile are left out
 * where they are read again; where the transaction's own rows are used, an erasure's tombstone and its sweeps see to them. The
 * caller marks the rows as delivered afterwards.
 */
export async function deliver(deps: Deps, deliveries: readonly Delivery[]): Promise<void> {
  for (const { chunkId, workspaceId, replyTo, outbox } of deliveries) {
    if (!outbox.followUps) continue;
    const followUps = outbox.followUps.map((f) => ({
      queue: f.queue,
      workspaceId,
      acceptedAt: f.acc,
      items: f.items,
      // Whoever waits for this chunk waits for what it causes, too.
      reply: replyTo,
      ...(f.unparked ? { unparked: true } : {}),
    }));
    await addFollowUps(deps.flow, chunkId, followUps);
  }
  const byWorkspace = new Map<number, Delivery[]>();
  for (const delivery of deliveries) {
    const list = byWorkspace.get(delivery.workspaceId);
    if (list) list.push(delivery);
    else byWorkspace.set(delivery.workspaceId, [delivery]);
  }
  const all = emptyRows();
  const marks = new Map<number, Touched>();
  for (const [workspaceId, list] of byWorkspace) {
    const touched: Touched = new Map();
    await collect(deps, workspaceId, list, all, touched);
    marks.set(workspaceId, touched);
  }
  const refused = await deps.writer.write(all);
  if (refused.size > 0) await recordRefusedRows(deps, deliveries[0]?.chunkId ?? '', refused);
  await deps.failpoints('relay.after_clickhouse');
  touchLate(marks, all.timeline);
  for (const [workspaceId, touched] of marks) await deps.touch(workspaceId, touched);
  await deps.failpoints('relay.after_touched');
}

/** Rows that ClickHouse refuses for their content are kept as rejections: they are listed, never only logged. */
async function recordRefusedRows(deps: Deps, jobId: string, refused: ReadonlySet<object>): Promise<void> {
  const byWorkspace = new Map<number, NewRejection[]>();
  for (const row of refused) {
    if (!('workspace_id' in row) || typeof row.workspace_id !== 'number') continue;
    const payload = JSON.stringify(row);
    const list = byWorkspace.get(row.workspace_id) ?? [];
    list.push({
      item_id: `row:${hash('sha1', payload)}`,
      job_id: jobId,
      source: 'delivery',
      code: 'row_refused',
      field: '',
      message: 'ClickHouse refused this row for what it holds; the profile in Postgres is not affected.',
      payload,
      email_hash: null,
      accepted_at: 0,
    });
    byWorkspace.set(row.workspace_id, list);
  }
  for (const [workspaceId, list] of byWorkspace) await recordRejections(deps.pool, workspaceId, list);
}

async function collect(
  deps: Deps,
  workspaceId: number,
  list: readonly Delivery[],
  all: Required<TableRows>,
  touched: Touched,
): Promise<void> {
  const alive = await collectMirror(deps, workspaceId, list, all);
  for (const { acceptedAt, outbox, written } of list) {
    const isAlive = (contactId: number) => written !== null || alive.has(contactId);
    const accepted = acceptanceOf(acceptedAt);
    for (const entry of outbox.entries ?? []) {
      if (!isAlive(entry.c)) continue;
      all.timeline.push(entryRow(workspaceId, accepted, entry));
      touchEntry(touched, entry);
    }
    for (const e of outbox.events ?? []) {
      if (!isAlive(e.c)) continue;
      all.timeline.push(eventRow(workspaceId, e.c, e.e, { id: e.i, accepted: acceptanceOf(e.acc), ord: e.o }));
      touch(touched, `kind:${e.e.kind}`, e.c);
    }
    for (const event of outbox.custom ?? []) {
      const add = isAlive(event.c) ? addCustomEvent : addCustomEventGone;
      add(all, touched, workspaceId, event);
    }
  }
}

/**
 * Adds the mirror rows: as they were written where that is known, else as they are now (any version at or above the one that was
 * written is right). Returns which of the contacts that were looked up exist.
 */
async function collectMirror(
  deps: Deps,
  workspaceId: number,
  list: readonly Delivery[],
  all: Required<TableRows>,
): Promise<ReadonlySet<number>> {
  const ids = new Set<number>();
  const mirrored = new Set<number>();
  const listed = new Set<number>();
  const pairs = new Set<string>();
  for (const { outbox, written } of list) {
    if (written) {
      for (const contact of written.contacts) all.contacts.push(contactMirrorRow(workspaceId, contact));
      for (const m of written.memberships) all.contact_lists.push(membershipMirrorRow(workspaceId, m));
      continue;
    }
    for (const id of outbox.contacts ?? []) mirrored.add(id);
    for (const id of mirrored) ids.add(id);
    for (const entry of outbox.entries ?? []) ids.add(entry.c);
    for (const event of outbox.events ?? []) ids.add(event.c);
    for (const event of outbox.custom ?? []) ids.add(event.c);
    for (const [contactId, listId] of outbox.lists ?? []) {
      ids.add(contactId);
      listed.add(contactId);
      pairs.add(`${contactId}|${listId}`);
    }
  }
  const contacts = await readContacts(deps.pool, workspaceId, [...ids]);
  for (const contact of contacts) if (mirrored.has(contact.contact_id)) all.contacts.push(contactMirrorRow(workspaceId, contact));
  if (pairs.size > 0)
    for (const m of await readMemberships(deps.pool, workspaceId, [...listed]))
      if (pairs.has(`${m.contact_id}|${m.list_id}`)) all.contact_lists.push(membershipMirrorRow(workspaceId, m));
  return new Set(contacts.map((c) => c.contact_id));
}
