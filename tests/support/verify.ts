/**
 * Counts what is in the stores and compares it with what was sent: nothing lost, nothing twice, the order of every contact kept,
 * the ledger in balance. Every read of ClickHouse is deduplicated, so "twice" means two rows that stay two rows.
 */
import { type Balance, readBalance, undelivered } from '@muster/postgres';
import { itemQueues, QUEUE_PREFIX, touchedPrefix } from '@muster/queues';
import { expect } from 'vitest';
import { LANES, type Pipeline, until } from './pipeline.ts';

/** Numbered upserts of one contact: each sets `custom_number_1` to its number. */
export type Sequence = {
  email: string;
  sent: readonly number[];
  /** Numbers that were acknowledged; all of `sent` when left out. The others may be there or not, but never out of order. */
  acknowledged?: ReadonlySet<number>;
};

type Row = { contact_id: number; email: string; version: number; value: number | null };
type ChangeRow = { contact_id: number; kind: string; changes: string };
const ORDERS = ['timeline_by_contact', 'timeline_by_kind'] as const;

/** Rows of a ClickHouse query; `{ws:UInt32}` is bound. */
export async function chRows<T>(p: Pipeline, query: string, params: Record<string, unknown> = {}): Promise<T[]> {
  const result = await p.clickhouse.query({ query, query_params: { ws: p.workspaceId, ...params }, format: 'JSONEachRow' });
  return result.json<T>();
}

/** The contacts of `sequences` hold their last value, in Postgres and the mirror, and both timelines tell every step in order. */
export async function expectSequences(p: Pipeline, sequences: readonly Sequence[]): Promise<Map<string, number>> {
  const emails = sequences.map((s) => s.email);
  const stored = await p.pool.query<Row>(
    `SELECT contact_id, email, version, (fields->>'custom_number_1')::float8 AS value FROM contacts WHERE workspace_id = $1 AND email = ANY($2)`,
    [p.workspaceId, emails],
  );
  const byEmail = new Map(stored.rows.map((r) => [r.email, r]));
  const ids = stored.rows.map((r) => r.contact_id);
  const mirror = await chRows<{ contact_id: number; version: string; value: number | null }>(
    p,
    `SELECT contact_id, toString(version) AS version, custom_number_1 AS value FROM contacts FINAL
     WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}`,
    { ids },
  );
  const mirrored = new Map(mirror.map((m) => [m.contact_id, `${m.version}|${m.value}`]));
  for (const table of ORDERS) {
    const told = await tellings(p, table, ids);
    for (const { email, sent, acknowledged } of sequences) {
      const row = byEmail.get(email);
      const must = acknowledged ?? new Set(sent);
      if (!row) {
        expect([...must], `${email} is not there`).toEqual([]);
        continue;
      }
      const values = told.get(row.contact_id) ?? [];
      // contact.created tells no value: it is the first change's old one, or the only one that there is.
      const seen = values.length > 0 ? values : [row.value];
      expect(
        seen.filter((v) => must.has(Number(v))),
        `${email} in ${table}: steps missing or out of order`,
      ).toEqual(sent.filter((n) => must.has(n)));
      expect(
        seen.map((v) => sent.indexOf(Number(v))),
        `${email} in ${table}: order`,
      ).toEqual(seen.map((v) => sent.indexOf(Number(v))).sort((a, b) => a - b));
      expect(new Set(seen).size, `${email} in ${table}: a step twice`).toBe(seen.length);
      expect(row.value, `${email}: last value`).toBe(seen.at(-1));
      expect(row.version, `${email}: one version a step`).toBe(seen.length);
      expect(mirrored.get(row.contact_id), `${email}: mirror`).toBe(`${row.version}|${row.value}`);
    }
  }
  return new Map(stored.rows.map((r) => [r.email, r.contact_id]));
}

/** Values of `custom_number_1` by contact, as its timeline tells them; the chain of old and new must close. */
async function tellings(p: Pipeline, table: string, ids: readonly number[]): Promise<Map<number, (number | null)[]>> {
  const rows = await chRows<ChangeRow>(
    p,
    `SELECT contact_id, kind, changes FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}
       AND kind IN ('contact.created', 'contact.updated') ORDER BY contact_id, recorded_at, ord, id`,
    { ids },
  );
  const told = new Map<number, (number | null)[]>();
  const created = new Set<number>();
  for (const { contact_id, kind, changes } of rows) {
    if (kind === 'contact.created') {
      expect(created.has(contact_id), `${table}: contact ${contact_id} created twice`).toBe(false);
      created.add(contact_id);
      continue;
    }
    const change: { custom_number_1?: { old: number | null; new: number | null } } = JSON.parse(changes);
    const step = change.custom_number_1;
    if (!step) continue;
    const values = told.get(contact_id) ?? [step.old];
    expect(step.old, `${table}: contact ${contact_id}: a step does not start where the one before ended`).toBe(values.at(-1));
    values.push(step.new);
    told.set(contact_id, values);
  }
  for (const id of ids) expect(created.has(id), `${table}: contact ${id} has no contact.created`).toBe(true);
  return told;
}

/** Every event id is stored exactly once in either order, under the contact of its address. */
export async function expectEvents(p: Pipeline, events: ReadonlyMap<string, string>): Promise<void> {
  const emails = [...new Set(events.values())];
  const contacts = await p.pool.query<{ contact_id: number; email: string }>(
    'SELECT contact_id, email FROM contacts WHERE workspace_id = $1 AND email = ANY($2)',
    [p.workspaceId, emails],
  );
  const idOf = new Map(contacts.rows.map((r) => [r.email, r.contact_id]));
  const wanted = [...events].map(([id, email]) => `${id}|${idOf.get(email) ?? 'no contact'}`).sort();
  for (const table of ORDERS) {
    const rows = await chRows<{ id: string; contact_id: number }>(
      p,
      `SELECT id, contact_id FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND id IN {ids:Array(String)}`,
      { ids: [...events.keys()] },
    );
    expect(rows.map((r) => `${r.id}|${r.contact_id}`).sort(), `${table}: events`).toEqual(wanted);
  }
}

/** How many events of a kind the contacts have, in either order: for events without a producer's id. */
export async function countEvents(p: Pipeline, kind: string, emails: readonly string[]): Promise<[number, number]> {
  const contacts = await p.pool.query<{ contact_id: number }>(
    'SELECT contact_id FROM contacts WHERE workspace_id = $1 AND email = ANY($2)',
    [p.workspaceId, emails],
  );
  const ids = contacts.rows.map((r) => r.contact_id);
  const count = async (table: string) => {
    const [row] = await chRows<{ n: string }>(
      p,
      `SELECT toString(count()) AS n FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND kind = {kind:String} AND contact_id IN {ids:Array(UInt32)}`,
      { kind, ids },
    );
    return Number(row?.n ?? 0);
  };
  return [await count(ORDERS[0]), await count(ORDERS[1])];
}

/** The contacts are marked as touched in a watched dependency. */
export async function expectTouched(p: Pipeline, dependency: string, contactIds: Iterable<number>): Promise<void> {
  const marked = new Set(await p.redis.zrange(`${touchedPrefix(p.workspaceId)}${dependency}`, '0', '-1'));
  expect(
    [...contactIds].filter((id) => !marked.has(String(id))),
    `not touched in ${dependency}`,
  ).toEqual([]);
}

export async function watch(p: Pipeline, ...dependencies: string[]): Promise<void> {
  await p.redis.sadd(`${touchedPrefix(p.workspaceId)}watched`, ...dependencies);
}

/** Jobs that wait in the queues of items. */
export async function waiting(p: Pipeline): Promise<number> {
  const lengths = await Promise.all(itemQueues(LANES).map((queue) => p.redis.llen(`${QUEUE_PREFIX}:${queue}:wait`)));
  return lengths.reduce((sum, n) => sum + n, 0);
}

/** Waits until no queue has a job and no ledger row is undelivered; no job may have failed. */
export async function settled(p: Pipeline, timeoutMs = 30_000): Promise<void> {
  await until(
    'everything worked off',
    async () => {
      const left: string[] = [];
      for (const queue of itemQueues(LANES)) {
        const key = `${QUEUE_PREFIX}:${queue}`;
        expect(await p.redis.zcard(`${key}:failed`), `${queue}: failed jobs`).toBe(0);
        const [waiting, active] = [await p.redis.llen(`${key}:wait`), await p.redis.llen(`${key}:active`)];
        if (waiting + active > 0) left.push(`${queue}: ${waiting} waiting, ${active} active`);
      }
      const { rows } = await undelivered(p.pool);
      if (rows > 0) left.push(`${rows} ledger rows undelivered`);
      // Thrown, so that a test that waits in vain says for what.
      if (left.length > 0) throw new Error(left.join('; '));
      return true;
    },
    timeoutMs,
  );
}

/** The ledger accounts for exactly the accepted items, no entry has two rows, no two contacts one address. */
export async function expectBalance(p: Pipeline, accepted: number, terms: Partial<Balance> = {}): Promise<Balance> {
  const balance = await readBalance(p.pool, p.workspaceId);
  const { accepted: found, ...rest } = balance;
  expect(found, 'accepted items in the ledger').toBe(accepted);
  expect(
    Object.values(rest).reduce((a, b) => a + b, 0),
    'terms of the balance',
  ).toBe(accepted);
  expect(balance).toMatchObject(terms);
  await expectNoTwins(p);
  return balance;
}

/** No entry has two rows in either order, both orders hold the same entries, and Postgres and the mirror the same contacts. */
export async function expectNoTwins(p: Pipeline): Promise<void> {
  const perOrder: string[] = [];
  for (const table of ORDERS) {
    const twins = await chRows(
      p,
      `SELECT id, count() AS n FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} GROUP BY id HAVING n > 1 LIMIT 5`,
    );
    expect(twins, `${table}: entries with two rows`).toEqual([]);
    const [all] = await chRows<{ n: string; h: string }>(
      p,
      `SELECT toString(count()) AS n, toString(sum(cityHash64(id, contact_id, kind, occurred_at, changes))) AS h
       FROM ${table} FINAL WHERE workspace_id = {ws:UInt32}`,
    );
    perOrder.push(`${all?.n}|${all?.h}`);
  }
  expect(perOrder[0], 'the two orders of the timeline differ').toBe(perOrder[1]);
  const { rows } = await p.pool.query<{ n: string; v: string | null }>(
    'SELECT count(*) AS n, sum(version) AS v FROM contacts WHERE workspace_id = $1',
    [p.workspaceId],
  );
  const [mirror] = await chRows<{ n: string; v: string }>(
    p,
    'SELECT toString(count()) AS n, toString(sum(version)) AS v FROM contacts FINAL WHERE workspace_id = {ws:UInt32}',
  );
  expect(`${mirror?.n}|${mirror?.v}`, 'contacts and versions in the mirror').toBe(`${rows[0]?.n}|${rows[0]?.v ?? 0}`);
}
