/**
 * Chunks that come again: after they were applied, in any order, and to two workers at once, whole, in halves or item by item.
 * Whatever comes again and however it is applied, the stores end as if every chunk had come once.
 */
import { randomUUID } from 'node:crypto';
import type { ContactPatch } from '@muster/domain';
import { decodeVerdicts } from '@muster/postgres';
import { chunkId, customEventQueue, type ProfileItem, profileQueue, QUEUE_PREFIX, TIMELINE_QUEUE } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import { Queue } from 'bullmq';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChunkHandler } from '../../services/worker/src/chunk-runner.ts';
import { customEventHandler } from '../../services/worker/src/custom-events/handler.ts';
import type { Mode } from '../../services/worker/src/poison.ts';
import { profileHandler } from '../../services/worker/src/profile/handler.ts';
import { timelineHandler } from '../../services/worker/src/timeline/handler.ts';
import { addWorker, emailsInLane, sendSteps } from '../support/faults.ts';
import { createDeps } from '../support/handlers.ts';
import { delivered, LANES, type Pipeline, sendEvents, startPipeline, until } from '../support/pipeline.ts';
import { chRows, expectBalance, expectEvents, expectNoTwins, expectSequences, settled } from '../support/verify.ts';

let p: Pipeline;
let own: ReturnType<typeof createDeps>;
let accepted = 0;
beforeAll(async () => {
  p = await startPipeline();
  await addWorker(p, 'worker-2');
  own = createDeps(p);
}, 120_000);
afterAll(async () => {
  await own?.close();
  await p?.close();
});

type Job = { queue: string; id: string; data: { v: number; ws: number; acc: number; items: unknown[] } };

test('jobs that come again after they were done, shuffled, change nothing', async () => {
  const emails = Array.from({ length: LANES }, (_, lane) => emailsInLane(p, lane, 2, 'again-')).flat();
  const events = emails.map((email, n) => ({ kind: 'open_email' as const, email, id: `again-${n}` }));
  const custom = [1, 2, 3].map((step) => ({ event_name: 'again', external_id: 'a', email: 'again@x.io', properties: { step } }));
  // Jobs are read while no worker takes them, and added again as they were.
  await Promise.all(p.stack.services.map((s) => s.stop()));
  const chunks = await sendSteps(p, emails, [1, 2, 3, 4]);
  chunks.push(...(await sendEvents(p, events)));
  for (const event of custom) chunks.push(...(await sendEvents(p, [event])));
  accepted += emails.length * 5 + 3;
  const queues = new Map<string, Queue>();
  const queueOf = (name: string) => {
    const queue = queues.get(name) ?? new Queue(name, { connection: p.redis, prefix: QUEUE_PREFIX });
    queues.set(name, queue);
    return queue;
  };
  const jobs: Job[] = [];
  const names = [TIMELINE_QUEUE, ...Array.from({ length: LANES }, (_, n) => [profileQueue(n), customEventQueue(n)]).flat()];
  for (const name of names)
    for (const job of await queueOf(name).getJobs(['waiting'], 0, -1, true)) jobs.push({ queue: name, id: job.id ?? '', data: job.data });
  expect(jobs.map((j) => j.id).sort()).toEqual([...chunks].sort());
  await Promise.all(p.stack.services.map((s) => s.start()));
  await delivered(p, chunks);
  await settled(p);
  const shuffled = [...jobs, ...jobs].sort((a, b) => (a.id + a.data.acc < b.id + b.data.acc ? 1 : -1)).reverse();
  for (const job of shuffled) await queueOf(job.queue).add('chunk', job.data, { jobId: job.id, removeOnComplete: true, attempts: 1 });
  await until('the repeated jobs done', async () => {
    await settled(p);
    return true;
  });
  await Promise.all([...queues.values()].map((q) => q.close()));
  await expectSequences(
    p,
    emails.map((email) => ({ email, sent: [1, 2, 3, 4] })),
  );
  await expectEvents(p, new Map(events.map((e) => [e.id, e.email])));
  const heads = await chRows(p, "SELECT properties FROM custom_events FINAL WHERE workspace_id = {ws:UInt32} AND event_name = 'again'");
  expect(heads).toEqual([{ properties: '{"step":3}' }]);
  await expectBalance(p, accepted, { duplicate: 0, rejected: 0 });
}, 60_000);

/** An item of the property below, with indices instead of addresses: every run has addresses of its own. */
type Op = { who: number; name: string | null; number: number; externalId: number | null; moveTo: number | null };
const op: fc.Arbitrary<Op> = fc.record({
  who: fc.nat(3),
  name: fc.constantFrom('a', 'b', null),
  number: fc.nat(3),
  externalId: fc.option(fc.nat(2), { freq: 4 }),
  moveTo: fc.option(fc.nat(3), { freq: 6 }),
});
const mode = fc.constantFrom<Mode>('set', 'isolated', 'walk');
/** How a chunk comes: first in each of these modes at once, then chunks before it again. */
const arrival = fc.record({
  atOnce: fc.array(mode, { minLength: 1, maxLength: 3 }),
  again: fc.array(fc.tuple(fc.nat(9), mode), { maxLength: 3 }),
});
const story = fc.array(fc.tuple(fc.array(op, { minLength: 1, maxLength: 6 }), arrival), { minLength: 1, maxLength: 6 });

const address = (run: string, who: number) => `${run}-${who}@x.io`;
function toItem(run: string, root: string, o: Op, index: number): ProfileItem {
  if (o.moveTo !== null) return { op: 'change_email', root, index, email: address(run, o.who), new_email: address(run, o.moveTo) };
  const patch: ContactPatch = { email: address(run, o.who), fields: { first_name: o.name, custom_number_1: o.number } };
  if (o.externalId !== null) patch.external_id = `${run}-${o.externalId}`;
  return { op: 'upsert', root, index, patch };
}

/** Applies a chunk until it is applied, as the runner of chunks does with errors that pass. */
async function apply(handler: ChunkHandler, job: { chunkId: string; data: unknown }, how: Mode): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await handler.apply({ ...job, mode: how });
    } catch (error) {
      if (attempt >= 20) throw error;
    }
  }
}

type Chunk = { chunkId: string; data: { v: number; ws: number; acc: number; items: ProfileItem[] } };

/** What is left of a run: the contacts with their timelines, without ids and times. */
async function outcome(run: string, chunks: readonly Chunk[]): Promise<unknown> {
  await delivered(
    p,
    chunks.map((c) => c.chunkId),
  );
  const { rows: contacts } = await p.pool.query<{ contact_id: number; email: string }>(
    `SELECT contact_id, email, external_id, version, fields FROM contacts WHERE workspace_id = $1 AND email LIKE $2 ORDER BY email`,
    [p.workspaceId, `${run}-%`],
  );
  const { rows: verdicts } = await p.pool.query<{ verdicts: string }>(
    'SELECT verdicts FROM job_ledger WHERE chunk_id = ANY($1) ORDER BY array_position($1, chunk_id)',
    [chunks.map((c) => c.chunkId)],
  );
  const timelines: Record<string, unknown> = {};
  for (const table of ['timeline_by_contact', 'timeline_by_kind'])
    timelines[table] = await chRows(
      p,
      `SELECT contact_id, kind, changes FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND contact_id IN {ids:Array(UInt32)}
       ORDER BY contact_id, recorded_at, ord, id`,
      { ids: contacts.map((c) => c.contact_id) },
    );
  const emailOf = (id: unknown) => contacts.find((c) => c.contact_id === id)?.email;
  const text = JSON.stringify({
    contacts,
    verdicts: verdicts.map((v) => decodeVerdicts(v.verdicts).map((x) => `${x.v} ${emailOf(x.id) ?? ''}`)),
    timelines: Object.values(timelines).map((rows) =>
      (rows as { contact_id: number; kind: string; changes: string }[])
        .map((r) => [emailOf(r.contact_id) ?? '', r.kind, r.changes] as const)
        .sort(([a], [b]) => (a < b ? -1 : Number(a > b))),
    ),
  });
  const parsed: { contacts: { contact_id?: number }[] } = JSON.parse(text.replaceAll(run, 'run'));
  for (const contact of parsed.contacts) delete contact.contact_id;
  return parsed;
}

test('profile chunks: twice, at once, in any mode = once, in order', async () => {
  const handler = profileHandler(own.deps, 0);
  const build = async (run: string, steps: readonly Op[][]): Promise<Chunk[]> => {
    const chunks: Chunk[] = [];
    for (const ops of steps) {
      const root = randomUUID();
      const items = ops.map((o, index) => toItem(run, root, o, index));
      const acc = (await redisMicros(p.redis)) + chunks.length;
      chunks.push({ chunkId: chunkId({ kind: 'profile', lane: 0 }, randomUUID()), data: { v: 1, ws: p.workspaceId, acc, items } });
      accepted += items.length;
    }
    return chunks;
  };
  await fc.assert(
    fc.asyncProperty(story, async (steps) => {
      const id = randomUUID().slice(0, 8);
      const ops = steps.map(([o]) => o);
      const once = await build(`once${id}`, ops);
      for (const chunk of once) await apply(handler, chunk, 'set');
      const often = await build(`many${id}`, ops);
      for (const [n, chunk] of often.entries()) {
        const { atOnce, again } = steps[n]?.[1] ?? { atOnce: ['set' as const], again: [] };
        const before = again.map(([back, how]) => [often[Math.max(0, n - back)] ?? chunk, how] as const);
        // A chunk that was applied before may come at any time, also at the same time as a new one.
        await Promise.all([
          ...atOnce.map((how) => apply(handler, chunk, how)),
          ...before.filter(([c]) => c !== chunk).map(([c, how]) => apply(handler, c, how)),
        ]);
      }
      expect(await outcome(`many${id}`, often)).toEqual(await outcome(`once${id}`, once));
    }),
    { numRuns: 40, seed: 20_261, endOnFailure: true },
  );
  await settled(p);
  await expectBalance(p, accepted);
}, 90_000);

test('timeline and custom-event chunks: to three workers at once = once', async () => {
  const timeline = timelineHandler(own.deps);
  const customEvents = customEventHandler(own.deps, 0);
  const wanted = new Map<string, string>();
  const modes: Mode[] = ['set', 'isolated', 'walk'];
  for (let run = 0; run < 10; run += 1) {
    const root = randomUUID();
    const acc = await redisMicros(p.redis);
    const emails = Array.from({ length: 8 }, (_, n) => `crowd-${run}-${n}@x.io`);
    const events = emails.map((email, index) => ({ root, index, event: { kind: 'open_email', email, id: `crowd-${run}-${index}` } }));
    for (const { event } of events) wanted.set(event.id, event.email);
    const custom = emails.map((email, index) => ({
      root: randomUUID(),
      index,
      event: { event_name: 'crowd', external_id: `${run}-${index % 4}`, email },
    }));
    const chunks: [ChunkHandler, { chunkId: string; data: unknown }][] = [
      [timeline, { chunkId: chunkId({ kind: 'timeline' }, randomUUID()), data: { v: 1, ws: p.workspaceId, acc, items: events } }],
      [
        customEvents,
        { chunkId: chunkId({ kind: 'custom_event', lane: 0 }, randomUUID()), data: { v: 1, ws: p.workspaceId, acc, items: custom } },
      ],
    ];
    accepted += 16;
    await Promise.all(chunks.flatMap(([handler, job]) => modes.map((how) => apply(handler, job, how))));
    await delivered(
      p,
      chunks.map(([, job]) => job.chunkId),
    );
  }
  await settled(p);
  await expectEvents(p, wanted);
  await expectNoTwins(p);
  // Each custom event was written twice in its chunk, by items of two contacts: the second one has it.
  const { rows: contacts } = await p.pool.query<{ contact_id: number; email: string }>(
    "SELECT contact_id, email FROM contacts WHERE workspace_id = $1 AND email LIKE 'crowd-%'",
    [p.workspaceId],
  );
  expect(contacts.length).toBe(80);
  const owners = contacts.flatMap(({ contact_id, email }) => {
    const [, run, n] = /^crowd-(\d+)-(\d+)@/.exec(email) ?? [];
    return Number(n) < 4 ? [] : [`${run}-${Number(n) - 4} ${contact_id}`];
  });
  for (const table of ['custom_events', 'custom_events_by_contact']) {
    const rows = await chRows<{ id: string; contact_id: number }>(
      p,
      `SELECT external_id AS id, contact_id FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND event_name = 'crowd' ORDER BY id`,
    );
    expect(
      rows.map((r) => `${r.id} ${r.contact_id}`),
      table,
    ).toEqual(owners.sort());
  }
  await expectBalance(p, accepted, { duplicate: 0 });
}, 60_000);
