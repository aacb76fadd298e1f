/**
 * Drives the pipeline below HTTP: a stack with stores and workers, and this process as the producer. For tests that have to say
 * exactly what is in which chunk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { type ContactPatch, laneOf, uuidv7 } from '@muster/domain';
import { type LocalStack, startStack } from '@muster/embedded';
import { createPool, findContact, findLedger, findWorkspace, type LedgerRow, type Pool } from '@muster/postgres';
import { type AnyItem, ChunkProducer, type ProfileItem, type QueueRef, type RoutedItem } from '@muster/queues';
import { createLogger, producerConnection, type Redis } from '@muster/runtime';

export const LANES = 8;

export type Pipeline = {
  stack: LocalStack;
  pool: Pool;
  clickhouse: ClickHouse;
  redis: Redis;
  producer: ChunkProducer;
  workspaceId: number;
  dir: string;
  close: () => Promise<void>;
};

export type PipelineOptions = { services?: string[]; env?: Record<string, string> };

export async function startPipeline(options: PipelineOptions = {}): Promise<Pipeline> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-test-'));
  const stack = await startStack({
    dataDir: dir,
    services: options.services ?? ['worker'],
    env: { MUSTER_SWEEP_SECONDS: '2', ...options.env },
  });
  const log = createLogger('test', 'silent');
  const pool = createPool(stack.stores.postgresUrl, { max: 6, role: 'admin', onError: () => undefined });
  const clickhouse = createClickHouse(stack.stores.clickhouseUrl);
  const redis = producerConnection(stack.stores.redisUrl, log);
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
  const producer = new ChunkProducer({ redis, processId: 'test', backlogged: () => false });
  const workspace = await findWorkspace(pool, 'demo');
  if (!workspace) throw new Error('the stack has no workspace');
  return {
    stack,
    pool,
    clickhouse,
    redis,
    producer,
    workspaceId: workspace.workspaceId,
    dir,
    close: async () => {
      await producer.close();
      redis.disconnect();
      await Promise.all([pool.end(), clickhouse.close()]);
      await stack.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export const patch = (email: string, fields: ContactPatch['fields'] = {}, more: Partial<ContactPatch> = {}): ContactPatch => ({
  email,
  fields,
  ...more,
});

/** Sends profile items as one request (one root); returns the chunk ids in order of first use. */
export async function sendProfiles(
  p: Pipeline,
  items: DistributedItem[],
  options: { root?: string; idem?: boolean; ws?: number } = {},
): Promise<string[]> {
  const ws = options.ws ?? p.workspaceId;
  const root = options.root ?? uuidv7();
  const routed = items.map((item, index): RoutedItem => {
    const full = { ...item, root, index, ...(options.idem ? { idem: true } : {}) } as ProfileItem;
    const key = full.op === 'upsert' ? full.patch.email : (full.email ?? `#${full.contact_id}`);
    return { queue: { kind: 'profile', lane: laneOf(ws, key, LANES) }, item: full, bytes: 200 };
  });
  return send(p, routed, ws);
}
type DistributedItem = ProfileItem extends infer T ? (T extends ProfileItem ? Omit<T, 'root' | 'index' | 'idem'> : never) : never;

export async function sendEvents(
  p: Pipeline,
  events: Extract<AnyItem, { event: unknown }>['event'][],
  options: { root?: string; idem?: boolean; kind?: 'timeline' | 'custom_event' } = {},
): Promise<string[]> {
  const root = options.root ?? uuidv7();
  const routed = events.map((event, index): RoutedItem => {
    const queue: QueueRef =
      'event_name' in event
        ? { kind: 'custom_event', lane: laneOf(p.workspaceId, `${event.event_name}\0${event.external_id}`, LANES) }
        : { kind: 'timeline' };
    return { queue, item: { event, root, index, ...(options.idem ? { idem: true } : {}) } as AnyItem, bytes: 200 };
  });
  return send(p, routed, p.workspaceId);
}

async function send(p: Pipeline, routed: RoutedItem[], ws: number): Promise<string[]> {
  const placements = await p.producer.submit(ws, routed, false);
  return [...new Set(placements.map((x) => x.chunkId))];
}

/** Polls until `probe` returns something other than null, false or undefined. */
export async function until<T>(what: string, probe: () => Promise<T | null | false | undefined>, timeoutMs = 20_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== null && value !== false && value !== undefined) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: failure });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Waits until the effect of the chunks is in both databases; returns their ledger rows. */
export function delivered(p: Pipeline, chunkIds: readonly string[], timeoutMs = 20_000): Promise<LedgerRow[]> {
  return until(
    'delivery',
    async () => {
      const rows = await Promise.all(chunkIds.map((id) => findLedger(p.pool, id)));
      return rows.every((r) => r?.delivered) ? rows.flatMap((r) => r ?? []) : null;
    },
    timeoutMs,
  );
}

export async function contactByEmail(p: Pipeline, email: string) {
  return findContact(p.pool, p.workspaceId, { email });
}

export type StoredEntry = {
  kind: string;
  id: string;
  contact_id: number;
  occurred_at: string;
  changes: string;
  properties: string;
  ord: number;
};

/** One contact's entries in order of recording, from the named order of the timeline. */
export async function entriesOf(
  p: Pipeline,
  contactId: number,
  table: 'timeline_by_contact' | 'timeline_by_kind' = 'timeline_by_contact',
): Promise<StoredEntry[]> {
  const result = await p.clickhouse.query({
    query: `SELECT kind, id, contact_id, toString(occurred_at) AS occurred_at, changes, properties, ord FROM ${table} FINAL
            WHERE workspace_id = {ws:UInt32} AND contact_id = {id:UInt32} ORDER BY recorded_at, ord, id`,
    query_params: { ws: p.workspaceId, id: contactId },
    format: 'JSONEachRow',
  });
  return result.json<StoredEntry>();
}
