/** What the tests of the pipeline share: chunks whose content a test decides, and reads of both stores. */
import { uuidv7 } from '@muster/domain';
import type { LedgerRow, MembershipRow, Verdict } from '@muster/postgres';
import { createList, readMemberships } from '@muster/postgres';
import {
  type AnyItem,
  CHUNK_JOB,
  chunkId,
  MAINTENANCE_QUEUE,
  PAYLOAD_VERSION,
  type ProfileItem,
  QUEUE_PREFIX,
  type QueueRef,
  queueName,
} from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import { Queue } from 'bullmq';
import { delivered, entriesOf, type Pipeline, type StoredEntry, until } from '../support/pipeline.ts';

type Bare<T> = T extends unknown ? Omit<T, 'root' | 'index' | 'idem'> : never;
export type ProfileOp = Bare<ProfileItem>;
export type Op = Bare<AnyItem>;

export type ChunkOptions = {
  root?: string;
  /** Index of the first item, or of each. */
  from?: number;
  indexes?: readonly number[];
  acc?: number;
  idem?: boolean;
  ws?: number;
  internal?: boolean;
};

const queues = new WeakMap<Pipeline, Map<string, Queue>>();

export function queueOf(p: Pipeline, name: string): Queue {
  const open = queues.get(p) ?? new Map<string, Queue>();
  queues.set(p, open);
  const known = open.get(name);
  if (known) return known;
  const queue = new Queue(name, { connection: p.redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
  queue.on('error', () => undefined);
  open.set(name, queue);
  return queue;
}

/** Puts exactly these items into one chunk of one queue; returns its id. */
export async function addChunk(p: Pipeline, ref: QueueRef, ops: readonly Op[], o: ChunkOptions = {}): Promise<string> {
  const root = o.root ?? uuidv7();
  const items = ops.map((op, n) => ({ ...op, root, index: o.indexes?.[n] ?? (o.from ?? 0) + n, ...(o.idem ? { idem: true } : {}) }));
  const id = chunkId(ref, uuidv7());
  const data = {
    v: PAYLOAD_VERSION,
    ws: o.ws ?? p.workspaceId,
    acc: o.acc ?? (await redisMicros(p.redis)),
    ...(o.internal ? { internal: true } : {}),
    items,
  };
  await queueOf(p, queueName(ref)).add('chunk', data, { ...CHUNK_JOB, jobId: id });
  return id;
}

/** One chunk of profile items in one lane, applied and delivered. */
export async function applyProfiles(p: Pipeline, ops: readonly ProfileOp[], o: ChunkOptions & { lane?: number } = {}): Promise<LedgerRow> {
  return one(await delivered(p, [await addChunk(p, { kind: 'profile', lane: o.lane ?? 0 }, ops, o)]));
}

export type EventOf<K extends 'timeline' | 'custom_event'> = Extract<
  AnyItem,
  { event: K extends 'timeline' ? { kind: string } : { event_name: string } }
>['event'];

/** One timeline chunk, applied and delivered together with what it caused in the lanes. */
export async function applyEvents(p: Pipeline, events: readonly EventOf<'timeline'>[], o: ChunkOptions = {}): Promise<LedgerRow> {
  const id = await addChunk(
    p,
    { kind: 'timeline' },
    events.map((event) => ({ event })),
    o,
  );
  const row = one(await delivered(p, [id]));
  await delivered(p, row.followUps);
  return row;
}

export async function applyCustom(
  p: Pipeline,
  events: readonly EventOf<'custom_event'>[],
  o: ChunkOptions & { lane?: number } = {},
): Promise<LedgerRow> {
  const id = await addChunk(
    p,
    { kind: 'custom_event', lane: o.lane ?? 0 },
    events.map((event) => ({ event })),
    o,
  );
  return one(await delivered(p, [id]));
}

export const codes = (row: { verdicts: Verdict[] } | undefined): string => row?.verdicts.map((v) => v.v).join('') ?? '';

export function one<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('nothing found');
  return row;
}

export type ShownEntry = { kind: string; changes: Record<string, { old: unknown; new: unknown }> };

/** Entries of a contact in order of recording, kind and changes only; both physical orders must agree. */
export async function history(p: Pipeline, contactId: number): Promise<ShownEntry[]> {
  const entries = await entriesOf(p, contactId);
  const other = await entriesOf(p, contactId, 'timeline_by_kind');
  if (JSON.stringify(entries) !== JSON.stringify(other)) throw new Error('the two orders of the timeline differ');
  return entries.map(show);
}
const show = (e: StoredEntry): ShownEntry => ({
  kind: e.kind,
  changes: e.changes === '' ? {} : (JSON.parse(e.changes) as ShownEntry['changes']),
});

export const kinds = async (p: Pipeline, contactId: number): Promise<string[]> => (await history(p, contactId)).map((e) => e.kind);

export async function chRows<T>(p: Pipeline, query: string, params: Record<string, unknown> = {}): Promise<T[]> {
  const result = await p.clickhouse.query({ query, query_params: { ws: p.workspaceId, ...params }, format: 'JSONEachRow' });
  return result.json<T>();
}

/** Mirror row of a contact, without the fields that have no value. */
export async function mirrorOf(p: Pipeline, contactId: number): Promise<Record<string, unknown> | null> {
  const [row] = await chRows<Record<string, unknown>>(
    p,
    'SELECT * FROM contacts FINAL WHERE workspace_id = {ws:UInt32} AND contact_id = {id:UInt32}',
    { id: contactId },
  );
  return row ? Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) : null;
}

/** Status of a membership as both stores have it; null = none. */
export async function membershipOf(p: Pipeline, contactId: number, listId: string): Promise<MembershipRow | null> {
  const row = (await readMemberships(p.pool, p.workspaceId, [contactId])).find((m) => m.list_id === listId);
  const [mirror] = await chRows<{ status: string }>(
    p,
    'SELECT status FROM contact_lists FINAL WHERE workspace_id = {ws:UInt32} AND contact_id = {id:UInt32} AND list_id = {list:String}',
    { id: contactId, list: listId },
  );
  const stored = row && !row.removed ? row : null;
  if ((mirror?.status ?? null) !== (stored?.status ?? null))
    throw new Error(`the stores differ: ${mirror?.status ?? 'none'} and ${stored?.status ?? 'none'}`);
  return stored;
}

export const statusOf = async (p: Pipeline, contactId: number, listId: string): Promise<string | null> =>
  (await membershipOf(p, contactId, listId))?.status ?? null;

export async function makeList(p: Pipeline, id: string, doubleOptin = false): Promise<void> {
  const made = await createList(p.pool, p.workspaceId, { id, name: id, description: '', is_double_optin: doubleOptin, is_public: false });
  if (typeof made === 'string') throw new Error(`list ${id}: ${made}`);
}

export type Refused = { item_id: string; code: string; field: string; source: string };
export async function rejectionsWith(p: Pipeline, itemIdPart: string): Promise<Refused[]> {
  const { rows } = await p.pool.query<Refused>(
    'SELECT item_id, code, field, source FROM rejections WHERE workspace_id = $1 AND position($2 in item_id) > 0 ORDER BY rejection_id',
    [p.workspaceId, itemIdPart],
  );
  return rows;
}

/** Runs a maintenance task now and waits for its end. */
export async function maintain(p: Pipeline, task: 'sweep' | 'nightly' | 'erasures'): Promise<void> {
  const queue = queueOf(p, MAINTENANCE_QUEUE);
  const job = await queue.add(task, { v: PAYLOAD_VERSION, task }, { removeOnComplete: false, removeOnFail: false });
  await until(`maintenance task ${task}`, async () => {
    if (await job.isFailed()) throw new Error('the task failed');
    return job.isCompleted();
  });
}
