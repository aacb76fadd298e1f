/**
 * A stack with an API and workers, and workspaces in it as their owners see them: contacts and events over HTTP, segments, and their
 * members as readers find them. What is expected is written down by each test, and never computed by the code under test.
 */
import {
  changeSegments,
  createKey,
  createSegment,
  createWorkspace,
  hideSegment,
  type Pool,
  requestBuilds,
  undelivered,
  updateSegment,
} from '@muster/postgres';
import { currentSegments, memberSetSql, type Node, Params, setOfSegment } from '@muster/segments';
import { expect } from 'vitest';
import { type Pipeline, type PipelineOptions, startPipeline, until } from '../support/pipeline.ts';

/** Members by email, ascending; null = the segment must be gone and everybody must have left it. */
export type Expected = Record<string, readonly string[] | null>;
export type Fields = Record<string, unknown>;
export type RightOptions = {
  /** Default: 15 s, the time in which the system must recover from anything. */
  withinMs?: number;
  /** Contacts were erased: their joins and leaves are no longer in the log. */
  erased?: boolean;
};

export type Stack = {
  pipeline: Pipeline;
  open: () => Promise<Tenant>;
  close: () => Promise<void>;
};

export async function startSegmentStack(options: PipelineOptions = {}): Promise<Stack> {
  const pipeline = await startPipeline({ services: ['api', 'worker'], ...options });
  let opened = 0;
  return {
    pipeline,
    open: async () => {
      opened += 1;
      const workspace = await createWorkspace(pipeline.pool, { name: `tenant-${opened}`, timezone: 'UTC', country: null });
      if (!workspace) throw new Error('the workspace exists');
      const { workspaceId } = workspace;
      const { key } = await createKey(pipeline.pool, { workspaceId, name: 'test', scopes: ['read', 'write', 'ingest'], rateLimit: null });
      return new Tenant(pipeline, workspaceId, key);
    },
    close: () => pipeline.close(),
  };
}

/** One workspace. */
export class Tenant {
  readonly id: number;
  readonly #pipeline: Pipeline;
  readonly #key: string;

  constructor(pipeline: Pipeline, id: number, key: string) {
    this.#pipeline = pipeline;
    this.id = id;
    this.#key = key;
  }

  get pool(): Pool {
    return this.#pipeline.pool;
  }

  /** A call that answers when what it asked for is applied. */
  async call(name: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#pipeline.stack.apiUrl}/api/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', prefer: 'wait=10' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (response.status !== 200 && response.status !== 201 && response.status !== 202)
      throw new Error(`${name}: ${response.status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  async upsert(email: string, fields: Fields = {}, listIds: readonly string[] = []): Promise<void> {
    await this.call('contacts.upsert', { contact: { email, ...fields }, ...(listIds.length > 0 ? { list_ids: listIds } : {}) });
  }

  async upsertAll(contacts: readonly Fields[], listIds: readonly string[] = []): Promise<void> {
    if (contacts.length > 0) await this.call('contacts.import', { contacts, ...(listIds.length > 0 ? { list_ids: listIds } : {}) });
  }

  /** Message events; `at` is when they happened, in milliseconds. */
  async happened(kind: string, emails: readonly string[], at?: number): Promise<void> {
    const when = at === undefined ? {} : { occurred_at: new Date(at).toISOString() };
    await this.call('timeline.ingest', { events: emails.map((email) => ({ kind, email, ...when })) });
  }

  async list(id: string): Promise<void> {
    await this.call('lists.create', { id, name: id });
  }

  async define(trees: Record<string, Node>): Promise<void> {
    await changeSegments(this.pool, this.id, async (client) => {
      for (const [id, tree] of Object.entries(trees))
        if (!(await createSegment(client, this.id, { id, name: id, color: null, timezone: 'UTC', tree }))) throw new Error(`${id} exists`);
    });
  }

  async edit(id: string, tree: Node): Promise<void> {
    await changeSegments(this.pool, this.id, (client) => updateSegment(client, this.id, id, { tree }));
  }

  async rebuild(id: string | null, reason: 'requested' | 'audit' = 'requested'): Promise<void> {
    await changeSegments(this.pool, this.id, (client) => requestBuilds(client, this.id, id, reason));
  }

  async remove(id: string): Promise<void> {
    expect(await changeSegments(this.pool, this.id, (client) => hideSegment(client, this.id, id))).toBe(true);
  }

  /** Waits until what was accepted is in ClickHouse and its contacts are marked. */
  async delivered(): Promise<void> {
    await until('delivery', async () => (await undelivered(this.pool)).rows === 0);
  }

  /** Live segments are active and nothing is left to do for them; deleted ones are worked off. */
  async quiet(): Promise<boolean> {
    const { rows } = await this.pool.query<{ waiting: boolean }>(
      `SELECT EXISTS (SELECT FROM segments WHERE workspace_id = $1 AND emptied_at IS NULL
         AND (status = 'building' OR build_reason IS NOT NULL OR unlogged OR deleted_at IS NOT NULL)) AS waiting`,
      [this.id],
    );
    return rows[0]?.waiting === false;
  }

  async built(withinMs = 15_000): Promise<void> {
    await until('every segment built', () => this.quiet(), withinMs);
  }

  /** Members as readers see them, by segment id; segments that were never complete are absent. */
  async members(ids?: readonly string[]): Promise<Record<string, string[]>> {
    const { epochs, segments } = await currentSegments(this.pool, this.id, ids);
    const params = new Params();
    const complete = segments.flatMap((segment) => {
      const set = setOfSegment(segment, epochs);
      return set ? [{ segment, set }] : [];
    });
    if (complete.length === 0) return {};
    const expressions = complete.flatMap(({ set }) => memberSetSql(this.id, set, params, `s${set.segmentUid}`));
    const [found] = await this.rows<number[][]>(
      `WITH ${expressions.join(', ')} SELECT ${complete.map(({ set }) => `bitmapToArray(s${set.segmentUid})`).join(', ')}`,
      params.values,
    );
    const names = await this.emails((found ?? []).flat());
    return Object.fromEntries(complete.map(({ segment }, n) => [segment.segmentId, (found?.[n] ?? []).map((c) => names(c)).sort()]));
  }

  async emails(ids: readonly number[]): Promise<(id: number) => string> {
    const { rows } = await this.pool.query<{ contact_id: number; email: string }>(
      'SELECT contact_id, email FROM contacts WHERE workspace_id = $1 AND contact_id = ANY($2)',
      [this.id, ids],
    );
    const names = new Map(rows.map((r) => [r.contact_id, r.email]));
    return (id) => names.get(id) ?? `nobody (${id})`;
  }

  async contactId(email: string): Promise<number> {
    const { rows } = await this.pool.query<{ contact_id: number }>(
      'SELECT contact_id FROM contacts WHERE workspace_id = $1 AND email = $2',
      [this.id, email],
    );
    return rows[0]?.contact_id ?? 0;
  }

  /** Rows of ClickHouse, as arrays; `{ws:UInt32}` is bound. */
  async rows<T>(query: string, params: Record<string, unknown> = {}): Promise<T[]> {
    const result = await this.#pipeline.clickhouse.query({
      query,
      query_params: { ws: this.id, ...params },
      format: 'JSONCompactEachRow',
    });
    return result.json<T>();
  }

  /** Waits until the segments have exactly these members, then expects counts, days and logs to tell the same. Says how long it took. */
  async right(expected: Expected, { withinMs = 15_000, erased = false }: RightOptions = {}): Promise<number> {
    const started = Date.now();
    const wanted = Object.fromEntries(Object.entries(expected).flatMap(([id, all]) => (all ? [[id, [...all].sort()]] : [])));
    const gone = Object.keys(expected).filter((id) => expected[id] === null);
    let seen: unknown;
    await until(
      'members that are right',
      async () => {
        seen = await this.members(Object.keys(wanted));
        return JSON.stringify(sorted(seen as Record<string, string[]>)) === JSON.stringify(sorted(wanted)) && (await this.quiet());
      },
      withinMs,
    ).catch((error: unknown) => {
      expect(seen, 'members').toEqual(wanted);
      throw error;
    });
    const took = Date.now() - started;
    const { rows } = await this.pool.query<{ segment_id: string; users_count: number; deleted: boolean; emptied: boolean }>(
      `SELECT segment_id, users_count, deleted_at IS NOT NULL AS deleted, emptied_at IS NOT NULL AS emptied FROM segments WHERE workspace_id = $1`,
      [this.id],
    );
    for (const [id, all] of Object.entries(wanted))
      expect(rows.find((r) => r.segment_id === id && !r.deleted)?.users_count, `users_count of ${id}`).toBe(all.length);
    for (const id of gone) {
      const old = rows.filter((r) => r.segment_id === id && r.deleted);
      expect(old.length, `${id} was deleted`).toBeGreaterThan(0);
      expect(
        old.every((r) => r.emptied && r.users_count === 0),
        `everybody has left ${id}`,
      ).toBe(true);
    }
    if (!erased) await this.#logsAreRight();
    return took;
  }

  /** Joins and leaves of every contact alternate, add up to the members, and the days tell the same as the log. */
  async #logsAreRight(): Promise<void> {
    const { epochs, segments } = await currentSegments(this.pool, this.id);
    const log = async (table: string) =>
      this.rows<[number, number, number[]]>(
        `SELECT segment_uid, contact_id, groupArray(state) FROM (SELECT segment_uid, contact_id, state FROM ${table} FINAL
           WHERE workspace_id = {ws:UInt32} AND epoch <= {upTo:UInt64} AND epoch NOT IN {voids:Array(UInt64)} ORDER BY epoch)
         GROUP BY segment_uid, contact_id ORDER BY segment_uid, contact_id`,
        { upTo: epochs.committed, voids: epochs.voidEpochs },
      );
    const rows = await log('segment_flips');
    expect(await log('segment_flips_by_contact'), 'the other order of the log').toEqual(rows);
    const totals = new Map<number, { joins: number; leaves: number }>();
    for (const [uid, contact, states] of rows) {
      expect(states, `joins and leaves of contact ${contact} in segment ${uid}`).toEqual(states.map((_, n) => (n + 1) % 2));
      const total = totals.get(uid) ?? { joins: 0, leaves: 0 };
      for (const state of states) total[state === 1 ? 'joins' : 'leaves'] += 1;
      totals.set(uid, total);
    }
    const days = await this.pool.query<{ uid: number; joins: number; leaves: number; size: number; users_count: number }>(
      `SELECT segment_uid AS uid, coalesce(sum(joins), 0)::int AS joins, coalesce(sum(leaves), 0)::int AS leaves,
         coalesce((array_agg(size ORDER BY day DESC))[1], 0) AS size, users_count
       FROM segments LEFT JOIN segment_days USING (segment_uid) WHERE workspace_id = $1 GROUP BY segment_uid, users_count`,
      [this.id],
    );
    for (const { uid, joins, leaves, size, users_count } of days.rows) {
      const name = segments.find((s) => s.segmentUid === uid)?.segmentId ?? `deleted segment ${uid}`;
      expect({ joins, leaves }, `days and log of ${name}`).toEqual(totals.get(uid) ?? { joins: 0, leaves: 0 });
      expect({ left: joins - leaves, size }, `size of ${name}`).toEqual({ left: users_count, size: users_count });
    }
  }
}

const sorted = (by: Record<string, readonly string[]>) => Object.entries(by).sort(([a], [b]) => (a < b ? -1 : 1));

const leaf = (inner: Extract<Node, { kind: 'leaf' }>['leaf']): Node => ({ kind: 'leaf', leaf: inner });
export const and = (...leaves: Node[]): Node => ({ kind: 'branch', branch: { operator: 'and', leaves } });
export const or = (...leaves: Node[]): Node => ({ kind: 'branch', branch: { operator: 'or', leaves } });
export const none = (...leaves: Node[]): Node => ({ kind: 'branch', branch: { operator: 'none', leaves } });
/** A text of the contact equals. */
export const says = (field_name: string, ...string_values: string[]): Node =>
  leaf({ source: 'contacts', contact: { filters: [{ field_name, field_type: 'string', operator: 'equals', string_values }] } });
export const atLeast = (field_name: string, value: number): Node =>
  leaf({ source: 'contacts', contact: { filters: [{ field_name, field_type: 'number', operator: 'gte', number_values: [value] }] } });
export const onList = (list_id: string, operator: 'in' | 'not_in' = 'in'): Node =>
  leaf({ source: 'contact_lists', contact_list: { operator, list_id } });
export const inSegment = (segment_id: string, operator: 'in' | 'not_in' = 'in'): Node =>
  leaf({ source: 'segments', segment: { operator, segment_id } });
type Timeframe = 'in_the_last_days' | 'between_days_ago';
export const did = (kind: string, count: 'at_least' | 'exactly' | 'at_most', n: number, operator?: Timeframe, ...days: string[]): Node =>
  leaf({
    source: 'contact_timeline',
    contact_timeline: {
      ...{ kind, count_operator: count, count_value: n },
      ...(operator ? { timeframe_operator: operator, timeframe_values: days } : {}),
    },
  });

/** Seconds as a number of days, as trees want it. */
export const days = (seconds: number): string => (seconds / 86_400).toFixed(9);
