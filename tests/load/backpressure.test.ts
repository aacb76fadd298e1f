/**
 * A queue that nobody works off: intake must say no at its watermark, stay small while producers keep pressing, and lose or double
 * nothing of what it had accepted.
 */
import { type ClickHouse, createClickHouse } from '@muster/clickhouse';
import { MusterClient } from '@muster/loadtest';
import { readBalance } from '@muster/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryOf } from '../../packages/loadtest/src/soak/memory.ts';
import { type HttpStack, startHttpStack } from '../support/http.ts';
import { until } from '../support/pipeline.ts';

const WATERMARK = 60;
const BATCH = 200;
const PRODUCERS = 8;
const PEOPLE = 2_000;
/** The guard looks twice a second: by then it must have noticed. */
const NOTICED_MS = 1_500;
const MB = 1_048_576;
const API_GROWTH = 96 * MB;
const REDIS_GROWTH = 32 * MB;
/** Kept anywhere, so much would break both bounds. */
const PRESSED_BYTES = 2 * API_GROWTH;
const PRESSED_WITHIN_MS = 25_000;

let http: HttpStack;
let clickhouse: ClickHouse;
beforeAll(async () => {
  http = await startHttpStack({ MUSTER_MAX_WAITING_JOBS: String(WATERMARK) });
  clickhouse = createClickHouse(http.stack.stores.clickhouseUrl);
}, 120_000);
afterAll(async () => {
  await clickhouse?.close();
  await http?.close();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const padding = 'x'.repeat(200);

/** Events of one batch: a repeated batch carries the same ids. */
const eventsOf = (batch: number) =>
  Array.from({ length: BATCH }, (_, i) => ({
    id: `b${batch}-${i}`,
    email: `person-${(batch * BATCH + i) % PEOPLE}@pressure.example`,
    kind: 'open_email',
    properties: { padding },
  }));

/** Producers that never wait: a batch that was refused is sent again at once. */
class Pressure {
  readonly pending = new Set<number>();
  acceptedItems = 0;
  refused = 0;
  refusedBytes = 0;
  firstRefusal: { retryAfter: string | null; text: string } | null = null;
  readonly otherAnswers: number[] = [];
  #batches = 0;
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor() {
    this.#running = Promise.all(Array.from({ length: PRODUCERS }, () => this.#produce()));
  }

  get batches(): number {
    return this.#batches;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #produce(): Promise<void> {
    while (!this.#stopped) {
      const batch = this.#batches++;
      const body = JSON.stringify({ events: eventsOf(batch) });
      this.pending.add(batch);
      while (this.pending.has(batch) && !this.#stopped) await this.#send(batch, body);
    }
  }

  async #send(batch: number, body: string): Promise<void> {
    const reply = await http.post('timeline.ingest', body).catch(() => null);
    // Refused before its body was read, a connection may end under the producer: no answer, sent again.
    if (reply === null) return;
    if (reply.status === 202) {
      this.acceptedItems += Number(reply.body.accepted);
      this.pending.delete(batch);
    } else if (reply.status === 503) {
      this.refused += 1;
      this.refusedBytes += body.length;
      this.firstRefusal ??= { retryAfter: reply.headers.get('retry-after'), text: reply.text };
    } else this.otherAnswers.push(reply.status);
  }
}

function memory(): { api: number; redis: number } {
  const read = (pid: number | undefined) => memoryOf(pid ?? 0, 'VmRSS') ?? Number.NaN;
  return { api: read(http.stack.service('api').pid), redis: read(http.stack.stores.processes.redis.pid) };
}

async function count(query: string): Promise<number> {
  const result = await clickhouse.query({ query, format: 'JSONEachRow' });
  const [row] = await result.json<{ n: string }>();
  return Number(row?.n ?? -1);
}

test('at the watermark producers are told to come later, memory stays, and what was accepted is there once', {
  timeout: 120_000,
}, async () => {
  await http.stack.service('worker').stop();
  const pressure = new Pressure();
  const refusal = await until('a refusal', async () => pressure.firstRefusal);
  expect(refusal.retryAfter).toBe('5');
  expect(refusal.text).toContain('"over_capacity"');

  await sleep(NOTICED_MS);
  const accepted = pressure.acceptedItems;
  const refusedBefore = pressure.refusedBytes;
  const first = memory();
  const most = { ...first };
  const pressed = (): number => pressure.refusedBytes - refusedBefore;
  for (const end = Date.now() + PRESSED_WITHIN_MS; pressed() < PRESSED_BYTES && Date.now() < end; await sleep(100)) {
    const now = memory();
    most.api = Math.max(most.api, now.api);
    most.redis = Math.max(most.redis, now.redis);
  }
  await pressure.stop();
  expect(pressure.otherAnswers).toEqual([]);
  // Nobody works: once the watermark was noticed, not one more item got in.
  expect(pressure.acceptedItems).toBe(accepted);
  expect(accepted).toBeGreaterThanOrEqual(WATERMARK);
  expect(pressed()).toBeGreaterThanOrEqual(PRESSED_BYTES);
  expect(most.api - first.api, 'growth of the API').toBeLessThan(API_GROWTH);
  expect(most.redis - first.redis, 'growth of Redis').toBeLessThan(REDIS_GROWTH);
  const grown = (name: 'api' | 'redis') => `${name} ${Math.round(first[name] / MB)} MB +${Math.round((most[name] - first[name]) / MB)}`;
  process.stdout.write(
    `back-pressure: ${accepted} items accepted, ${pressure.refused} requests refused (${Math.round(pressed() / MB)} MB): ${grown('api')}, ${grown('redis')}\n`,
  );

  await http.stack.service('worker').start();
  // A patient producer brings the rest: it waits as long as it is told to, and asks again.
  const patient = new MusterClient({ baseUrl: http.stack.apiUrl, key: http.stack.devKey });
  for (const batch of pressure.pending) expect((await patient.ingest(eventsOf(batch))).accepted).toBe(BATCH);
  patient.close();

  const items = pressure.batches * BATCH;
  const balance = await until(
    'every item settled',
    async () => {
      const b = await readBalance(http.pool, 1);
      return b.applied >= items ? b : null;
    },
    60_000,
  );
  // A refused connection that had been stored after all ends as duplicate, never as a second event.
  expect(balance).toMatchObject({ applied: items, accepted: items + balance.duplicate, rejected: 0, parked: 0, cancelled: 0 });
  const { rows } = await http.pool.query<{ n: string }>('SELECT sum(applied) AS n FROM job_ledger WHERE source = $1', ['timeline']);
  expect(rows[0]?.n).toBe(String(items));
  for (const table of ['timeline_by_contact', 'timeline_by_kind']) {
    const events = `FROM ${table} FINAL WHERE entity_type = 'message'`;
    await until(`${table} complete`, async () => (await count(`SELECT count() AS n ${events}`)) >= items);
    expect(await count(`SELECT count() AS n ${events}`), table).toBe(items);
    expect(await count(`SELECT uniqExact(id) AS n ${events}`), table).toBe(items);
  }
});
