/**
 * The real evaluator inside the test process, on real stores, with a clock that the test sets: worlds of the reference evaluator are
 * written as the workers write them, rows first, marks of touched contacts after them.
 */
import { randomUUID } from 'node:crypto';
import {
  acceptanceOf,
  contactMirrorRow,
  contactTombstone,
  customEventMoved,
  customEventRow,
  GroupCommitWriter,
  membershipMirrorRow,
  type TableRows,
  timelineRow,
} from '@muster/clickhouse';
import { changeSegments, createSegment, createWorkspace, epochState, listSegments, type SegmentRow } from '@muster/postgres';
import { EvaluationRequests, markTouched, type Touched, touch } from '@muster/queues';
import { consumerConnection, createFailpoints, createLogger, createRegistry, loadConfig, segmenterSchema, sleep } from '@muster/runtime';
import { compileTrees, memberSetSql, type Node, Params, SETTINGS, type SetRef } from '@muster/segments';
import type { World, WorldContact, WorldCustomEvent, WorldEvent, WorldMembership } from '@muster/segments/reference';
import type { Deps } from '../../services/segmenter/src/deps.ts';
import { createSegmenterMetrics } from '../../services/segmenter/src/metrics.ts';
import { createMemory, type Memory } from '../../services/segmenter/src/state.ts';
import { takeStep } from '../../services/segmenter/src/step.ts';
import { type Pipeline, startPipeline } from '../support/pipeline.ts';

/** What happens at once: rows of a world, and contacts that are erased. */
export type Batch = Omit<World, 'segments'> & { erased: number[] };

export type Definition = { id: string; tree: Node; timezone: string };

export type Lab = {
  pipeline: Pipeline;
  /** Milliseconds; every step of every evaluator takes this as its moment. */
  setNow: (ms: number) => void;
  open: () => Promise<Workspace>;
  close: () => Promise<void>;
};

export async function startLab(): Promise<Lab> {
  const pipeline = await startPipeline({ services: [] });
  const config = loadConfig(segmenterSchema, { ...pipeline.stack.env });
  const log = createLogger('test', 'silent');
  const redis = consumerConnection(config.MUSTER_REDIS_URL, log);
  const requests = new EvaluationRequests(redis);
  const writer = new GroupCommitWriter({ clickhouse: pipeline.clickhouse, log, intervalMs: 1 });
  let now = 0;
  const deps: Deps = {
    ...{ config, log, redis, requests, pool: pipeline.pool, clickhouse: pipeline.clickhouse },
    metrics: createSegmenterMetrics(createRegistry('test')),
    failpoints: createFailpoints(''),
    holder: randomUUID(),
    clock: () => now,
    stopping: () => false,
  };
  let workspaces = 0;
  return {
    pipeline,
    setNow: (ms) => {
      now = ms;
    },
    open: async () => {
      workspaces += 1;
      const made = await createWorkspace(pipeline.pool, { name: `lab-${workspaces}-${Date.now()}`, timezone: 'UTC', country: null });
      if (!made) throw new Error('the workspace exists');
      return new Workspace(deps, writer, made.workspaceId);
    },
    close: async () => {
      await writer.close();
      await requests.close();
      redis.disconnect();
      await pipeline.close();
    },
  };
}

const arrays = (bitmaps: readonly string[]): string => bitmaps.map((b) => `bitmapToArray(${b})`).join(',\n');

/** One workspace with its evaluator. */
export class Workspace {
  readonly id: number;
  readonly #deps: Deps;
  readonly #writer: GroupCommitWriter;
  readonly #memory: Memory;
  readonly #known = new Map<number, WorldContact>();
  #version = 0;

  constructor(deps: Deps, writer: GroupCommitWriter, id: number) {
    this.#deps = deps;
    this.#writer = writer;
    this.id = id;
    this.#memory = createMemory(1_000);
  }

  async define(definitions: readonly Definition[]): Promise<void> {
    await changeSegments(this.#deps.pool, this.id, async (client) => {
      for (const { id, tree, timezone } of definitions) await createSegment(client, this.id, { id, name: id, color: null, timezone, tree });
    });
  }

  /** Writes rows, then marks what they touch. */
  async write(batch: Batch): Promise<void> {
    const rows: Required<TableRows> = { contacts: [], contact_lists: [], timeline: [], custom_events: [], custom_events_by_contact: [] };
    const touched: Touched = new Map();
    for (const contact of batch.contacts) this.#contact(contact, rows, touched);
    for (const membership of batch.memberships) this.#membership(membership, rows, touched);
    for (const event of batch.events) this.#event(event, rows, touched);
    for (const event of batch.customEvents) this.#customEvent(event, rows, touched);
    for (const id of batch.erased) {
      rows.contacts.push(contactTombstone(this.id, id));
      touch(touched, 'contact', id);
    }
    const refused = await this.#writer.write(rows);
    if (refused.size > 0) throw new Error(`ClickHouse refused ${JSON.stringify([...refused][0])}`);
    await markTouched(this.#deps.redis, this.id, touched);
  }

  /** Steps until nothing is left to do, and the next edge is known to the millisecond. */
  async settle(): Promise<void> {
    for (let n = 0; n < 2_000; n += 1) {
      const end = await takeStep(this.#deps, this.id, this.#memory);
      if (end === 'taken') throw new Error('somebody else evaluates this workspace');
      if (end === 'idle' && !this.#memory.edgeUnknown) return;
      await sleep(2);
    }
    throw new Error('the evaluator does not come to rest');
  }

  rows(): Promise<SegmentRow[]> {
    return listSegments(this.#deps.pool, this.id);
  }

  /** Members as readers see them, by segment id. */
  async members(rows: readonly SegmentRow[]): Promise<Map<string, number[]>> {
    const sets = await this.sets(rows);
    const params = new Params();
    const expressions = [...sets.values()].flatMap((set) => memberSetSql(this.id, set, params, `s${set.segmentUid}`));
    const names = [...sets.values()].map((set) => `s${set.segmentUid}`);
    const lists = await this.#lists(`WITH ${expressions.join(',\n')} SELECT ${arrays(names)}`, params);
    return new Map([...sets.keys()].map((id, n) => [id, lists[n] ?? []]));
  }

  async sets(rows: readonly SegmentRow[]): Promise<Map<string, SetRef>> {
    const { committed, voidEpochs } = await epochState(this.#deps.pool, this.id);
    return new Map(
      rows.map((row) => {
        if (row.base_epoch === null) throw new Error(`${row.segment_id} has no members: ${row.status} ${row.error}`);
        return [row.segment_id, { segmentUid: row.segment_uid, baseEpoch: row.base_epoch, epoch: committed, voidEpochs }];
      }),
    );
  }

  /** Members by evaluation at a moment, as a preview finds them. */
  async preview(
    definitions: readonly Definition[],
    now: number,
    sets: ReadonlyMap<string, SetRef>,
    contacts: number[] | null,
  ): Promise<number[][]> {
    const members = (id: string): SetRef => {
      const set = sets.get(id);
      if (!set) throw new Error(`no set of ${id}`);
      return set;
    };
    const compiled = compileTrees(definitions, { workspaceId: this.id, now, contacts, members });
    return this.#lists(`SELECT ${arrays(compiled.results)} FROM ${compiled.from}`, compiled.params);
  }

  async #lists(query: string, params: Params): Promise<number[][]> {
    const result = await this.#deps.clickhouse.query({
      query,
      query_params: params.values,
      clickhouse_settings: SETTINGS,
      format: 'JSONCompactEachRow',
    });
    const [row] = await result.json<number[][]>();
    return (row ?? []).map((ids) => [...ids].sort((a, b) => a - b));
  }

  #contact(contact: WorldContact, rows: Required<TableRows>, touched: Touched): void {
    const before = this.#known.get(contact.contact_id);
    this.#version += 1;
    const iso = (ms: number) => new Date(ms).toISOString();
    const fields = Object.fromEntries(Object.entries(contact.fields).filter(([, value]) => value !== null));
    rows.contacts.push(
      contactMirrorRow(this.id, {
        ...{ contact_id: contact.contact_id, email: contact.email, external_id: contact.external_id, version: this.#version, fields },
        ...{ created_at: iso(contact.created_at), updated_at: iso(contact.updated_at) },
      }),
    );
    if (!before) touch(touched, 'contact', contact.contact_id);
    for (const name of ['email', 'external_id', 'created_at', 'updated_at'] as const)
      if (before?.[name] !== contact[name]) touch(touched, `field:${name}`, contact.contact_id);
    for (const name of new Set([...Object.keys(contact.fields), ...Object.keys(before?.fields ?? {})]))
      if (JSON.stringify(before?.fields[name]) !== JSON.stringify(contact.fields[name]))
        touch(touched, `field:${name}`, contact.contact_id);
    this.#known.set(contact.contact_id, contact);
  }

  #membership(m: WorldMembership, rows: Required<TableRows>, touched: Touched): void {
    this.#version += 1;
    const at = '2026-01-01T00:00:00.000Z';
    rows.contact_lists.push(membershipMirrorRow(this.id, { ...m, decided_at: 1, created_at: at, updated_at: at, version: this.#version }));
    touch(touched, `list:${m.list_id}`, m.contact_id);
  }

  #event(e: WorldEvent, rows: Required<TableRows>, touched: Touched): void {
    rows.timeline.push(
      timelineRow({
        ...{ workspaceId: this.id, contactId: e.contact_id, kind: e.kind, id: e.id, accepted: acceptanceOf(e.accepted_at), ord: 0 },
        ...{ occurredAt: new Date(e.occurred_at).toISOString(), entityType: 'message', entityId: e.id, message: e },
        ...(e.properties ? { properties: e.properties } : {}),
      }),
    );
    touch(touched, `kind:${e.kind}`, e.contact_id);
  }

  readonly #owners = new Map<string, { version: number; contact: number }>();
  #customEvent(e: WorldCustomEvent, rows: Required<TableRows>, touched: Touched): void {
    const key = JSON.stringify([e.event_name, e.external_id]);
    const owner = this.#owners.get(key);
    // Lanes apply versions in order.
    if (owner && owner.version > e.version) throw new Error('versions of a custom event come in order');
    const deletedAt = e.deleted_at === null ? null : new Date(e.deleted_at).toISOString();
    const input = { ...e, occurred_at: new Date(e.occurred_at).toISOString(), deleted_at: deletedAt };
    rows.custom_events.push(customEventRow(this.id, input));
    const contacts = [e.contact_id];
    if (owner && owner.contact !== e.contact_id) {
      rows.custom_events_by_contact.push(customEventMoved(this.id, input, owner.contact));
      contacts.push(owner.contact);
    }
    this.#owners.set(key, { version: e.version, contact: e.contact_id });
    for (const contact of contacts) {
      touch(touched, `kind:custom_event.${e.event_name}`, contact);
      touch(touched, 'goals', contact);
    }
  }
}
