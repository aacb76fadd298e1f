/** Order per contact with several producers and workers, and while workers are replaced one after the other. */
import { ChunkProducer } from '@muster/queues';
import { createLogger, producerConnection } from '@muster/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addWorker, emailsInLane, RECOVERY_MS, report, sendStep, workersOf } from '../support/faults.ts';
import { LANES, type Pipeline, startPipeline } from '../support/pipeline.ts';
import { expectBalance, expectSequences, type Sequence, settled, waiting } from '../support/verify.ts';

let p: Pipeline;
let accepted = 0;
const extra: (() => Promise<void>)[] = [];
beforeAll(async () => {
  p = await startPipeline();
  await Promise.all([addWorker(p, 'worker-2'), addWorker(p, 'worker-3')]);
}, 120_000);
afterAll(async () => {
  for (const close of extra) await close();
  await p?.close();
});

/** The pipeline with a producer and connection of its own, as another API process would have. */
async function anotherProducer(name: string): Promise<Pipeline> {
  const redis = producerConnection(p.stack.stores.redisUrl, createLogger('test', 'silent'));
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
  const producer = new ChunkProducer({ redis, processId: name, backlogged: () => false });
  extra.push(async () => {
    await producer.close();
    redis.disconnect();
  });
  return { ...p, producer };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('three producers, three workers: every contact goes through its steps in order', async () => {
  const steps = 40;
  const sequences: Sequence[] = [];
  const started = Date.now();
  await Promise.all(
    [0, 1, 2].map(async (n) => {
      const producer = await anotherProducer(`producer-${n}`);
      // Every producer has contacts in every lane, so that their jobs mix in all of them.
      const emails = Array.from({ length: LANES }, (_, lane) => emailsInLane(p, lane, 3, `producer${n}-`)).flat();
      sequences.push(...emails.map((email) => ({ email, sent: upTo(steps) })));
      for (const step of upTo(steps)) await sendStep(producer, emails, step);
    }),
  );
  accepted += sequences.length * steps;
  await settled(p);
  report('three producers, three workers, all worked off', Date.now() - started);
  await expectSequences(p, sequences);
  await expectBalance(p, accepted, { applied: accepted });
}, 60_000);

test('workers are replaced one by one under load: order is kept and no lane waits long', async () => {
  const emails = Array.from({ length: LANES }, (_, lane) => emailsInLane(p, lane, 2, 'rolling-')).flat();
  let running = true;
  let steps = 0;
  const from = Date.now();
  const producing = (async () => {
    while (running) {
      steps += 1;
      await sendStep(p, emails, steps);
      // The load is what this machine works off: otherwise a slow disk leaves a backlog, and the end measures its size, no stall.
      do await new Promise((resolve) => setTimeout(resolve, 20));
      while ((await waiting(p)) > 10 * LANES);
    }
  })();
  const old = workersOf(p);
  for (const [n, worker] of old.entries()) {
    const exited = worker.exited;
    const started = Date.now();
    const stopping = worker.stop();
    await Promise.all([stopping, addWorker(p, `rolled-${n}`)]);
    expect(await exited, 'an orderly end').toMatchObject({ code: 0, signal: null });
    report('replacing a worker', Date.now() - started);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  running = false;
  await producing;
  accepted += steps * emails.length;
  await settled(p, RECOVERY_MS);
  expect(workersOf(p).filter((w) => old.includes(w))).toEqual([]);
  expect(steps, 'steps sent meanwhile').toBeGreaterThan(50);
  await expectSequences(
    p,
    emails.map((email) => ({ email, sent: upTo(steps) })),
  );
  await expectBalance(p, accepted, { applied: accepted });
  // The longest time in which a lane applied nothing: the load itself pauses only while another lane is behind.
  const { rows } = await p.pool.query<{ gap: number }>(
    `SELECT max(gap)::float8 AS gap FROM (
       SELECT extract(epoch FROM applied_at - lag(applied_at) OVER (PARTITION BY split_part(chunk_id, '-', 1) ORDER BY seq)) AS gap
       FROM job_ledger WHERE applied > 0 AND accepted_at > $1) AS gaps`,
    [from * 1_000],
  );
  const gap = (rows[0]?.gap ?? 0) * 1_000;
  report('longest pause of a lane while workers are replaced', Math.round(gap));
  expect(gap, 'longest pause of a lane in ms').toBeLessThan(5_000);
}, 90_000);
