/**
 * Stores that die under load, while two workers and a producer are at work. What was acknowledged is found once and in order; what
 * was not may be there or not; everything works again by itself.
 */
import { QueueUnavailableError } from '@muster/queues';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addWorker, emailsInLane, RECOVERY_MS, report, sendStep, workersOf } from '../support/faults.ts';
import { LANES, type Pipeline, sendEvents, startPipeline, until } from '../support/pipeline.ts';
import { expectBalance, expectEvents, expectSequences, settled } from '../support/verify.ts';

let p: Pipeline;
let pids: (number | undefined)[];
beforeAll(async () => {
  p = await startPipeline();
  await addWorker(p, 'worker-2');
  pids = workersOf(p).map((w) => w.pid);
}, 120_000);
afterAll(() => p?.close());

/** A producer that sends numbered upserts of the same contacts and events, one request after the other, until it is stopped. */
class Load {
  readonly emails: string[];
  readonly sent: number[] = [];
  readonly acknowledged = new Set<number>();
  readonly events = new Map<string, string>();
  refused = 0;
  chunks: string[] = [];
  #running = true;
  readonly #done: Promise<void>;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.emails = Array.from({ length: LANES }, (_, lane) => emailsInLane(p, lane, 2, `${name}-`)).flat();
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    for (let step = 1; this.#running; step += 1) {
      this.sent.push(step);
      if (await this.#acknowledge(() => sendStep(p, this.emails, step))) this.acknowledged.add(step);
      const ids = this.emails.map((email, n) => [`${this.#name}-${step}-${n}`, email] as const);
      const events = ids.map(([id, email]) => ({ kind: 'open_email' as const, email, id }));
      // Events have ids, so they may be sent until they are acknowledged.
      while (!(await this.#acknowledge(() => sendEvents(p, events))));
      for (const [id, email] of ids) this.events.set(id, email);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async #acknowledge(send: () => Promise<string[]>): Promise<boolean> {
    try {
      this.chunks.push(...(await send()));
      return true;
    } catch (error) {
      if (!(error instanceof QueueUnavailableError)) throw error;
      this.refused += 1;
      return false;
    }
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async verify(): Promise<void> {
    await expectSequences(
      p,
      this.emails.map((email) => ({ email, sent: this.sent, acknowledged: this.acknowledged })),
    );
    await expectEvents(p, this.events);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Ledger rows of profile chunks so far. */
async function applied(): Promise<number> {
  const { rows } = await p.pool.query<{ n: string }>("SELECT count(*) AS n FROM job_ledger WHERE source = 'profile'");
  return Number(rows[0]?.n ?? 0);
}

/** Waits until a request sent now is applied in every lane, and everything sent before is worked off. */
async function back(since: number, what: string, load: Load): Promise<void> {
  const from = await until(what, applied, RECOVERY_MS);
  await until(what, async () => (await applied()) > from + LANES, RECOVERY_MS);
  report(`${what}: lanes go on`, Date.now() - since);
  expect(Date.now() - since, `${what}: lanes go on within`).toBeLessThan(RECOVERY_MS);
  await load.stop();
  await settled(p, since + RECOVERY_MS - Date.now());
  report(`${what}: all worked off`, Date.now() - since);
  await load.verify();
}

const sum = { accepted: 0 };
/** Items of acknowledged requests; a refused one may be there or not, so the ledger says how many there are at most. */
async function checkBalance(load: Load): Promise<void> {
  const least = load.emails.length * (load.acknowledged.size + load.events.size / load.emails.length);
  const { rows } = await p.pool.query<{ n: string }>('SELECT coalesce(sum(items), 0) AS n FROM job_ledger');
  const found = Number(rows[0]?.n) - sum.accepted;
  expect(found).toBeGreaterThanOrEqual(least);
  expect(found).toBeLessThanOrEqual(least + load.refused * load.emails.length);
  sum.accepted += found;
  await expectBalance(p, sum.accepted, { rejected: 0, parked: 0 });
}

test('Redis is killed: everything that was acknowledged is found', async () => {
  const load = new Load('redis');
  await pause(1_000);
  const { redis } = p.stack.stores.processes;
  const pid = redis.pid;
  redis.autoRestart = false;
  redis.kill('SIGKILL');
  await redis.exited;
  // Longer than the producer repeats by itself, so that requests are refused, too.
  await pause(2_600);
  await redis.start();
  redis.autoRestart = true;
  expect(redis.pid).not.toBe(pid);
  await back(Date.now(), 'Redis killed', load);
  expect(load.refused).toBeGreaterThan(0);
  await checkBalance(load);
}, 60_000);

test.each([
  ['killed', 'SIGKILL'],
  ['shut down fast', 'SIGINT'],
] as const)(
  'Postgres is %s: nothing is lost, the workers live on',
  async (how, signal) => {
    const load = new Load(`postgres-${signal.toLowerCase()}`);
    await pause(1_000);
    const { postgres } = p.stack.stores.processes;
    const pid = postgres.pid;
    const exited = postgres.exited;
    postgres.kill(signal);
    await exited;
    await until('Postgres again', async () => postgres.state === 'running', RECOVERY_MS);
    expect(postgres.pid).not.toBe(pid);
    await back(Date.now(), `Postgres ${how}`, load);
    expect(load.refused).toBe(0);
    await checkBalance(load);
    expect(
      workersOf(p).map((w) => w.pid),
      'the workers did not have to die for it',
    ).toEqual(pids);
  },
  60_000,
);

test('ClickHouse is away for 20 s: the lanes keep committing, and it catches up', async () => {
  const load = new Load('clickhouse');
  await pause(1_000);
  const { clickhouse } = p.stack.stores.processes;
  clickhouse.autoRestart = false;
  clickhouse.kill('SIGKILL');
  await clickhouse.exited;
  const end = Date.now() + 20_000;
  for (let before = await applied(); Date.now() < end; ) {
    await pause(2_000);
    const now = await applied();
    expect(now, 'profile chunks applied within two seconds').toBeGreaterThan(before + LANES);
    before = now;
  }
  await clickhouse.start();
  clickhouse.autoRestart = true;
  await back(Date.now(), 'ClickHouse away', load);
  await checkBalance(load);
}, 90_000);
