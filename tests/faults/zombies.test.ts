/**
 * Workers that stop without dying: frozen in the middle of a job (a paused machine, a long collection), or waiting for ever inside
 * a transaction. Others take over; the frozen one wakes up later and must change nothing any more.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  addWorker,
  emailsInLane,
  FaultPoints,
  frozenWorker,
  recovered,
  sendStep,
  sendSteps,
  workersOf,
  working,
} from '../support/faults.ts';
import { contactByEmail, delivered, type Pipeline, sendEvents, startPipeline } from '../support/pipeline.ts';
import { chRows, countEvents, expectBalance, expectEvents, expectSequences, settled } from '../support/verify.ts';

const STOP = [
  'profile.after_commit',
  'relay.after_clickhouse',
  'timeline.before_commit',
  'timeline.after_commit',
  'custom_event.before_commit',
];
const points = new FaultPoints({ 'profile.before_commit': 'stop', ...Object.fromEntries(STOP.map((name) => [name, 'stop'])) });
const hangs = new FaultPoints({ 'profile.before_commit': 'hang', 'timeline.before_commit': 'hang', 'custom_event.before_commit': 'hang' });

let p: Pipeline;
let accepted = 0;
const asleep = new Set<string>();
beforeAll(async () => {
  p = await startPipeline({ env: points.env });
  await Promise.all([addWorker(p, 'worker-2'), addWorker(p, 'worker-3')]);
}, 120_000);
afterEach(async () => {
  for (const worker of workersOf(p)) worker.kill('SIGCONT');
  asleep.clear();
});
afterAll(async () => {
  await p?.close();
  points.remove();
  hangs.remove();
});

/** Freezes a worker at the point; resolves with how to wake it and see that it is still the same process, at work. */
async function freeze(point: string, send: () => Promise<unknown>): Promise<{ at: number; wake: () => Promise<void> }> {
  points.arm(point);
  await send();
  const at = await points.reached(point);
  const frozen = await frozenWorker(p, asleep);
  asleep.add(frozen.name);
  const pid = frozen.pid;
  return {
    at,
    wake: async () => {
      expect(frozen.pid, 'the frozen worker is still there').toBe(pid);
      frozen.kill('SIGCONT');
      asleep.delete(frozen.name);
      await working(frozen);
      // Long enough for what it had under way to reach the stores, if anything would let it.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(frozen.pid, 'the worker survived waking up').toBe(pid);
    },
  };
}

/** Freezes a worker at a point of the profile's way, with later writes of the lane behind it; returns how to wake and check. */
async function freezeProfile(point: string, lane: number): Promise<() => Promise<void>> {
  const emails = emailsInLane(p, lane, 4, `${point}-`);
  let chunks: string[] = [];
  const { at, wake } = await freeze(point, async () => {
    chunks = await sendSteps(p, emails, [1, 2, 3]);
  });
  chunks.push(...(await sendSteps(p, emails, [4, 5])));
  accepted += emails.length * 6;
  return async () => {
    await recovered(p, chunks, at, `frozen at ${point}`);
    await wake();
    await delivered(p, await sendStep(p, emails, 6));
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2, 3, 4, 5, 6] })),
    );
  };
}

async function freezeTimeline(point: string): Promise<() => Promise<void>> {
  const emails = Array.from({ length: 10 }, (_, n) => `${point}-${n}@x.io`);
  const named = emails.map((email, n) => ({ kind: 'open_email' as const, email, id: `${point}-${n}` }));
  let chunks: string[] = [];
  const { at, wake } = await freeze(point, async () => {
    chunks = await sendEvents(p, named);
  });
  accepted += 10;
  return async () => {
    await recovered(p, chunks, at, `frozen at ${point}`);
    await wake();
    await expectEvents(p, new Map(named.map((e) => [e.id, e.email])));
    expect(await countEvents(p, 'contact.created', emails)).toEqual([10, 10]);
  };
}

/** Three writes of one custom event, each for another contact: the last accepted one stays. */
async function freezeCustom(point: string): Promise<() => Promise<void>> {
  const send = async (step: number) =>
    sendEvents(p, [{ event_name: 'order', external_id: 'o-1', email: `o${step}@x.io`, properties: { step } }]);
  const chunks: string[] = [];
  const { at, wake } = await freeze(point, async () => {
    for (const step of [1, 2]) chunks.push(...(await send(step)));
  });
  chunks.push(...(await send(3)));
  accepted += 3;
  return async () => {
    await recovered(p, chunks, at, `frozen at ${point}`);
    await wake();
    const id = (await contactByEmail(p, 'o3@x.io'))?.contact_id;
    for (const table of ['custom_events', 'custom_events_by_contact'])
      expect(
        await chRows(p, `SELECT contact_id, properties FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND external_id = 'o-1'`),
      ).toEqual([{ contact_id: id, properties: '{"step":3}' }]);
  };
}

describe('workers frozen inside a job, two at a time: the third takes over, and waking up changes nothing', () => {
  test.each([
    ['profile.before_commit', () => freezeProfile('profile.before_commit', 0), 'timeline.after_commit', freezeTimeline],
    ['relay.after_clickhouse', () => freezeProfile('relay.after_clickhouse', 1), 'custom_event.before_commit', freezeCustom],
    ['profile.after_commit', () => freezeProfile('profile.after_commit', 2), 'timeline.before_commit', freezeTimeline],
  ] as const)(
    'at %s, and at the other point',
    async (_, freezeFirst, point, freezeSecond) => {
      const first = await freezeFirst();
      const second = await freezeSecond(point);
      await first();
      await second();
      await settled(p);
      await expectBalance(p, accepted);
    },
    60_000,
  );
});

describe('a transaction that hangs in a living worker', () => {
  test('is ended by Postgres, and the lanes and the timeline go on', async () => {
    await Promise.all(workersOf(p).map((w) => w.stop()));
    const worker = await addWorker(p, 'hanging', hangs.env);
    const pid = worker.pid;
    for (const point of ['profile.before_commit', 'timeline.before_commit', 'custom_event.before_commit']) hangs.arm(point);
    const emails = emailsInLane(p, 3, 4, 'hang-');
    // Other addresses than the lane's: those would wait for the hanging transaction itself.
    const events = [0, 1, 2, 3].map((n) => ({ kind: 'click_email' as const, email: `hung-${n}@x.io`, id: `hang-${n}` }));
    const chunks = await sendSteps(p, emails, [1, 2]);
    const custom = await sendEvents(p, [{ event_name: 'order', external_id: 'o-2', email: 'hung@x.io', properties: { step: 1 } }]);
    const at = await hangs.reached('profile.before_commit');
    await hangs.reached('custom_event.before_commit');
    const timeline = await sendEvents(p, events);
    await hangs.reached('timeline.before_commit');
    chunks.push(...(await sendStep(p, emails, 3)));
    accepted += emails.length * 3 + events.length + 1;
    await recovered(p, [...chunks, ...custom, ...timeline], at, 'hanging transactions');
    await settled(p);
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2, 3] })),
    );
    await expectEvents(p, new Map(events.map((e) => [e.id, e.email])));
    await expectBalance(p, accepted);
    expect(worker.pid, 'the worker did not have to die for it').toBe(pid);
  }, 60_000);
});
