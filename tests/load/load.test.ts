/**
 * The load path once, through HTTP: 50,000 events and 10,000 upserts, batches and singles mixed, some of them sent twice. Then
 * everything is counted in the databases, and both rates are printed.
 */
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { MusterClient } from '@muster/loadtest';
import { readBalance } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpStack, startHttpStack } from '../support/http.ts';
import { until } from '../support/pipeline.ts';

const EVENTS = 50_000;
const UPSERTS = 10_000;
const BATCH = 1_000;
const SINGLES = 500;
const PEOPLE = 5_000;
/** Every tenth batch of events is sent again under another Idempotency-Key: its ids make it a duplicate. */
const REPEAT_EVERY = 10;

let http: HttpStack;
let client: MusterClient;
let clickhouse: ClickHouse;
beforeAll(async () => {
  http = await startHttpStack();
  client = new MusterClient({ baseUrl: http.stack.apiUrl, key: http.stack.devKey });
  clickhouse = createClickHouse(http.stack.stores.clickhouseUrl);
}, 120_000);
afterAll(async () => {
  client?.close();
  await clickhouse?.close();
  await http?.close();
});

const address = (n: number) => `person-${n % PEOPLE}@load.example`;
const event = (n: number) => ({
  id: `e-${n}`,
  email: address(n),
  kind: n % 3 === 0 ? 'click_email' : 'open_email',
  message_id: `m-${n % 50}`,
  properties: { n },
});
const contact = (n: number) => ({ email: address(n), first_name: `First ${n}`, custom_number_1: n });

/** Runs `work` for 0 … count − 1, `width` at a time. */
async function inParallel(count: number, width: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const turn = async () => {
    for (let n = next++; n < count; n = next++) await work(n);
  };
  await Promise.all(Array.from({ length: width }, turn));
}

async function chCount(query: string): Promise<number> {
  const result = await clickhouse.query({ query, format: 'JSONEachRow' });
  const [row] = await result.json<{ n: string }>();
  return Number(row?.n ?? -1);
}

const seconds = (ms: number) => (ms / 1_000).toFixed(1);

test('50,000 events and 10,000 upserts through HTTP are all there, once', { timeout: 240_000 }, async () => {
  const started = performance.now();
  let accepted = 0;
  await inParallel(EVENTS / BATCH, 4, async (b) => {
    const events = Array.from({ length: BATCH }, (_, i) => event(b * BATCH + i));
    const first = await client.ingest(events);
    const again = b % REPEAT_EVERY === 0 ? await client.ingest(events) : { accepted: 0 };
    accepted += first.accepted + again.accepted;
  });
  // Batches of upserts, the last of them as single calls; each contact is written twice, in order.
  const batches = (UPSERTS - SINGLES) / SINGLES;
  for (let b = 0; b < batches; b += 1)
    accepted += (await client.importContacts({ contacts: Array.from({ length: SINGLES }, (_, i) => contact(b * SINGLES + i)) })).accepted;
  await inParallel(SINGLES, 32, async (i) => {
    await client.upsertContact({ contact: contact(UPSERTS - SINGLES + i) });
    accepted += 1;
  });
  const sent = performance.now();
  const repeated = (EVENTS / BATCH / REPEAT_EVERY) * BATCH;
  expect(accepted).toBe(EVENTS + repeated + UPSERTS);

  const balance = await until(
    'everything settled',
    async () => {
      const b = await readBalance(http.pool, 1);
      return b.accepted === accepted ? b : null;
    },
    120_000,
  );
  expect(balance).toEqual({
    accepted,
    applied: EVENTS + UPSERTS,
    unchanged: 0,
    duplicate: repeated,
    rejected: 0,
    parked: 0,
    erased: 0,
    cancelled: 0,
  });
  await until('delivery', async () => {
    const { rows } = await http.pool.query<{ n: string }>(
      'SELECT count(*) AS n FROM job_ledger WHERE outbox IS NOT NULL OR events_pending',
    );
    return rows[0]?.n === '0';
  });
  const stored = performance.now();

  for (const table of ['timeline_by_contact', 'timeline_by_kind']) {
    expect(await chCount(`SELECT count() AS n FROM ${table} FINAL WHERE entity_type = 'message'`), table).toBe(EVENTS);
    expect(await chCount(`SELECT uniqExact(id) AS n FROM ${table} WHERE entity_type = 'message'`), table).toBe(EVENTS);
    expect(await chCount(`SELECT count() AS n FROM ${table} FINAL WHERE kind = 'contact.created'`), table).toBe(PEOPLE);
    // The first write of a contact creates it where it overtakes the contact's events, and updates it where they came first.
    const updated = await chCount(`SELECT count() AS n FROM ${table} FINAL WHERE kind = 'contact.updated'`);
    expect(updated, table).toBeGreaterThanOrEqual(UPSERTS - PEOPLE);
    expect(updated, table).toBeLessThanOrEqual(UPSERTS);
  }
  const { rows } = await http.pool.query<{ n: string; last: string }>(
    `SELECT count(*) AS n, count(*) FILTER (WHERE (fields->>'custom_number_1')::int >= ${UPSERTS - PEOPLE}) AS last FROM contacts`,
  );
  // The second of a contact's two writes is the one that stays.
  expect(rows[0]).toEqual({ n: String(PEOPLE), last: String(PEOPLE) });
  expect(await chCount(`SELECT count() AS n FROM contacts FINAL WHERE custom_number_1 >= ${UPSERTS - PEOPLE}`)).toBe(PEOPLE);
  process.stdout.write(
    `load path: ${accepted} items accepted in ${seconds(sent - started)} s, all in both databases after ${seconds(stored - started)} s ` +
      `(${Math.round((accepted / (stored - started)) * 1_000)} items/s)\n`,
  );
});
