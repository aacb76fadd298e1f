/** The API killed between the queue and its answer, and Redis running out of memory: what a client may rely on. */
import { queueDepths, TIMELINE_QUEUE } from '@muster/queues';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultPoints, RECOVERY_MS, report, working } from '../support/faults.ts';
import { type Pipeline, startPipeline, until } from '../support/pipeline.ts';
import { countEvents, expectBalance, expectEvents, expectSequences, settled } from '../support/verify.ts';

const POINT = 'api.after_enqueue';
const points = new FaultPoints({ [POINT]: 'kill' });
let p: Pipeline;
let accepted = 0;
let duplicate = 0;
beforeAll(async () => {
  p = await startPipeline({ services: ['api', 'worker'], env: points.env });
}, 120_000);
afterAll(async () => {
  await p?.close();
  points.remove();
});

/** POST of a call; rejects when the connection ends without an answer. */
async function post(call: string, body: unknown, key?: string): Promise<{ status: number; code: string }> {
  const headers = { authorization: `Bearer ${p.stack.devKey}`, 'content-type': 'application/json' };
  const response = await fetch(`${p.stack.apiUrl}/api/${call}`, {
    method: 'POST',
    headers: key === undefined ? headers : { ...headers, 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as { error?: { code?: string }; errors?: { code?: string }[] };
  return { status: response.status, code: answer.error?.code ?? answer.errors?.[0]?.code ?? '' };
}

/** Sends a request whose answer is lost because the API dies, then sends it again until it is answered. */
async function sendTwice(call: string, body: unknown, key?: string): Promise<void> {
  const api = p.stack.service('api');
  const { pid, exited } = api;
  points.arm(POINT);
  await expect(post(call, body, key)).rejects.toThrow();
  const at = await points.reached(POINT);
  expect(await exited).toMatchObject({ pid, signal: 'SIGKILL' });
  // A client repeats what was not answered, and what was answered with 503.
  await until('the answer to the second try', async () => (await post(call, body, key)).status === 202, RECOVERY_MS);
  report(`API killed in ${call}`, Date.now() - at);
  expect(Date.now() - at).toBeLessThan(RECOVERY_MS);
}

test('killed after the queue took a request: sent again under the same key, it counts once', async () => {
  const emails = Array.from({ length: 30 }, (_, n) => `key-${n}@example.com`);
  const contacts = emails.map((email) => ({ email, custom_number_1: 1 }));
  await sendTwice('contacts.import', { contacts }, 'import-1');
  await sendTwice('timeline.ingest', { events: emails.map((email) => ({ kind: 'open_email', email })) }, 'ingest-1');
  accepted += 4 * emails.length;
  duplicate += 2 * emails.length;
  expect((await post('contacts.import', { contacts: contacts.map((c) => ({ ...c, custom_number_1: 2 })) }, 'import-2')).status).toBe(202);
  accepted += emails.length;
  await settled(p);
  await expectSequences(
    p,
    emails.map((email) => ({ email, sent: [1, 2] })),
  );
  expect(await countEvents(p, 'open_email', emails)).toEqual([30, 30]);
  await expectBalance(p, accepted, { duplicate, unchanged: 0, rejected: 0 });
}, 60_000);

test('killed after the queue took events with ids: sent again without a key, they count once', async () => {
  const emails = Array.from({ length: 30 }, (_, n) => `id-${n}@example.com`);
  const events = emails.map((email, n) => ({ kind: 'click_email', email, id: `twice-${n}` }));
  await sendTwice('timeline.ingest', { events });
  accepted += 60;
  duplicate += 30;
  await settled(p);
  await expectEvents(p, new Map(events.map((e) => [e.id, e.email])));
  expect(await countEvents(p, 'click_email', emails)).toEqual([30, 30]);
  await expectBalance(p, accepted, { duplicate });
}, 60_000);

const MB = 1_048_576;
const PER_BATCH = 20;
async function usedMemory(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await p.redis.info('memory'))?.[1] ?? 0);
}
const setLimit = (bytes: number) => p.redis.config('SET', 'maxmemory', String(bytes));

/** A batch of about 400 KB: few events, so that it is memory that runs out and not time. */
function batch(name: string): { kind: string; email: string; id: string; properties: { text: string } }[] {
  return Array.from({ length: PER_BATCH }, (_, n) => ({
    kind: 'open_email',
    email: `full-${n % 10}@example.com`,
    id: `${name}-${n}`,
    properties: { text: 'x'.repeat(20_000) },
  }));
}

test('Redis fills up while no worker runs: intake refuses before Redis does, and a restarted worker frees it', async () => {
  const worker = p.stack.service('worker');
  await worker.stop();
  // Intake is looked at twice a second, so the part above its limit must hold what comes in within a few seconds.
  const limit = (await usedMemory()) + 40 * MB;
  await setLimit(limit);
  const wanted = new Map<string, string>();
  let refusal = '';
  for (let n = 0; refusal === '' && n < 400; n += 1) {
    const events = batch(`full-${n}`);
    const answer = await post('timeline.ingest', { events });
    if (answer.status !== 202) refusal = `${answer.status} ${answer.code}`;
    else {
      accepted += events.length;
      for (const e of events) wanted.set(e.id, e.email);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  }
  expect(refusal, 'what ends intake').toBe('503 over_capacity');
  expect(await usedMemory(), 'memory left for the workers').toBeLessThan(limit * 0.85);
  expect(wanted.size).toBeGreaterThan(500);
  const since = Date.now();
  await worker.start();
  await settled(p, RECOVERY_MS);
  report('a full Redis emptied by a restarted worker', Date.now() - since);
  await until('intake open again', async () => (await post('timeline.ingest', { events: batch('after') })).status === 202, RECOVERY_MS);
  report('intake open again after a full Redis', Date.now() - since);
  accepted += PER_BATCH;
  await settled(p);
  await expectEvents(p, wanted);
  await expectBalance(p, accepted, { duplicate });
}, 60_000);

test('Redis is filled past the guard: nothing acknowledged is lost, and more memory at run time is the cure', async () => {
  const worker = p.stack.service('worker');
  await worker.stop();
  const limit = (await usedMemory()) + 6 * MB;
  await setLimit(limit);
  // Straight onto the queue, as no guard would let it: until Redis itself refuses.
  const wanted = new Map<string, string>();
  for (let n = 0; ; n += 1) {
    const root = `0190a000-0000-7000-8000-${String(n).padStart(12, '0')}`;
    const events = batch(`past-${n}`);
    const items = events.map((event, index) => ({
      queue: { kind: 'timeline' as const },
      item: { root, index, event: { ...event, kind: 'open_email' as const } },
      bytes: 20_200,
    }));
    const taken = await p.producer.submit(p.workspaceId, items, false).then(
      () => true,
      () => false,
    );
    if (!taken) break;
    for (const e of events) wanted.set(e.id, e.email);
  }
  accepted += wanted.size;
  expect(wanted.size).toBeGreaterThan(50);
  expect((await post('timeline.ingest', { events: batch('refused') })).status).toBe(503);
  await worker.start();
  await working(worker, 3_000).catch(() => undefined);
  const [before] = await queueDepths(p.redis, [TIMELINE_QUEUE]);
  if (process.env.MUSTER_FAULT_TIMES)
    process.stderr.write(`Redis over its limit: ${before?.waiting} jobs left, worker started again ${worker.restarts} times\n`);
  await setLimit(limit + 64 * MB);
  const since = Date.now();
  await settled(p, RECOVERY_MS);
  report('Redis given more memory', Date.now() - since);
  await expectEvents(p, wanted);
  await expectBalance(p, accepted, { duplicate });
  await working(worker);
}, 60_000);
