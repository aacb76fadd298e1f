/**
 * Delivers outboxes. The order is the promise: follow-up chunks → ClickHouse → touched → delivered. A crash between two steps
 * leaves the row undelivered and every step is repeatable: follow-ups have derived ids, rows are the same rows, marks are sets.
 */
import { hash } from 'node:crypto';
import { acceptanceOf, contactMirrorRow, membershipMirrorRow, type TableRows } from '@muster/clickhouse';
import { type NewRejection, type OutboxRow, readContacts, readMemberships, recordRejections } from '@muster/postgres';
import { addFollowUps, markTouched, type Touched, touch } from '@muster/queues';
import type { Deps } from '../deps.ts';
import { type Outbox, parseOutbox } from './outbox.ts';
import { addCustomEvent, addCustomEventGone, emptyRows, entryRow, eventRow, touchEntry } from './rows.ts';

type Parsed = { row: Omit<OutboxRow, 'outbox'>; outbox: Outbox };

/**
 * Inserts what the outboxes owe, follow-ups first. Entries and mirror rows of contacts that were erased meanwhile are left out.
 * The caller marks the rows as delivered afterwards.
 */
export async function deliverOutboxes(deps: Deps, rows: readonly OutboxRow[]): Promise<void> {
  const parsed: Parsed[] = rows.map((row) => ({ row, outbox: parseOutbox(row.outbox) }));
  for (const { row, outbox } of parsed) {
    if (!outbox.followUps) continue;
    const followUps = outbox.followUps.map((f) => ({
      queue: f.queue,
      workspaceId: row.workspace_id,
      acceptedAt: f.acc,
      items: f.items,
      // Whoever waits for this chunk waits for what it causes, too.
      reply: row.reply_to,
      ...(f.unparked ? { unparked: true } : {}),
    }));
    await addFollowUps(deps.flow, row.chunk_id, followUps);
  }
  const byWorkspace = new Map<number, Parsed[]>();
  for (const p of parsed) {
    const list = byWorkspace.get(p.row.workspace_id);
    if (list) list.push(p);
    else byWorkspace.set(p.row.workspace_id, [p]);
  }
  const all = emptyRows();
  const marks: [number, Touched][] = [];
  for (const [workspaceId, list] of byWorkspace) {
    const touched: Touched = new Map();
    await collect(deps, workspaceId, list, all, touched);
    marks.push([workspaceId, touched]);
  }
  const refused = await deps.writer.write(all);
  if (refused.size > 0) await recordRefusedRows(deps, parsed[0]?.row.chunk_id ?? '', refused);
  await deps.failpoints('relay.after_clickhouse');
  for (const [workspaceId, touched] of marks) await markTouched(deps.redis, workspaceId, touched);
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
  list: readonly Parsed[],
  all: Required<TableRows>,
  touched: Touched,
): Promise<void> {
  const ids = new Set<number>();
  const pairs = new Set<string>();
  for (const { outbox } of list) {
    for (const id of outbox.contacts ?? []) ids.add(id);
    for (const entry of outbox.entries ?? []) ids.add(entry.c);
    for (const event of outbox.events ?? []) ids.add(event.c);
    for (const event of outbox.custom ?? []) ids.add(event.c);
    for (const [contactId, listId] of outbox.lists ?? []) {
      ids.add(contactId);
      pairs.add(`${contactId}|${listId}`);
    }
  }
  const contacts = await readContacts(deps.pool, workspaceId, [...ids]);
  const alive = new Set(contacts.map((c) => c.contact_id));
  const mirrored = new Set(list.flatMap(({ outbox }) => outbox.contacts ?? []));
  for (const contact of contacts) if (mirrored.has(contact.contact_id)) all.contacts.push(contactMirrorRow(workspaceId, contact));
  if (pairs.size > 0) {
    const listContacts = [...new Set(list.flatMap(({ outbox }) => (outbox.lists ?? []).map(([c]) => c)))];
    for (const m of await readMemberships(deps.pool, workspaceId, listContacts))
      if (pairs.has(`${m.contact_id}|${m.list_id}`)) all.contact_lists.push(membershipMirrorRow(workspaceId, m));
  }
  for (const { row, outbox } of list) {
    const accepted = acceptanceOf(row.accepted_at);
    for (const entry of outbox.entries ?? []) {
      if (!alive.has(entry.c)) continue;
      all.timeline.push(entryRow(workspaceId, accepted, entry));
      touchEntry(touched, entry);
    }
    for (const e of outbox.events ?? []) {
      if (!alive.has(e.c)) continue;
      all.timeline.push(eventRow(workspaceId, e.c, e.e, { id: e.i, accepted: acceptanceOf(e.acc), ord: e.o }));
      touch(touched, `kind:${e.e.kind}`, e.c);
    }
    for (const event of outbox.custom ?? []) {
      const add = alive.has(event.c) ? addCustomEvent : addCustomEventGone;
      add(all, touched, workspaceId, event);
    }
  }
}
