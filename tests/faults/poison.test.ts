/**
 * Items that cannot be applied: one that a database refuses, one that ends the worker whenever it is touched. The neighbours are
 * applied, the item is kept as a rejection, the lane goes on in order.
 */
import { laneOf } from '@muster/domain';
import { pageRejections } from '@muster/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addWorker, deathOf, emailsInLane, FaultPoints, recovered, report, sendStep, sendSteps } from '../support/faults.ts';
import { delivered, LANES, type Pipeline, patch, sendEvents, sendProfiles, startPipeline, until } from '../support/pipeline.ts';
import { countEvents, expectBalance, expectEvents, expectSequences, settled } from '../support/verify.ts';

const KILLER = 'killer@x.io';
const BUGGY = 'buggy@x.io';
const points = new FaultPoints({ 'profile.before_commit': 'kill' });
const env = { MUSTER_FAILPOINTS: `profile.item:${KILLER}=kill;profile.item:${BUGGY}=bug;${points.env.MUSTER_FAILPOINTS}` };
const NUL = 'a\u0000b';

let p: Pipeline;
const sums = { accepted: 0, rejected: 0, duplicate: 0 };
beforeAll(async () => {
  p = await startPipeline({ env });
  await addWorker(p, 'worker-2');
}, 120_000);
afterAll(async () => {
  await p?.close();
  points.remove();
});

async function rejectionsOf(jobId: string): Promise<{ code: string; payload: string }[]> {
  const rows = await pageRejections(p.pool, p.workspaceId, { beforeId: null, limit: 100, code: null, jobId });
  return rows.map(({ code, payload }) => ({ code, payload }));
}

/** How often a worker had to be started again so far. */
const restarts = (): number => p.stack.services.reduce((n, s) => n + s.restarts, 0);

async function check(accepted: number, rejected: number, duplicate = 0): Promise<void> {
  sums.accepted += accepted;
  sums.rejected += rejected;
  sums.duplicate += duplicate;
  await settled(p);
  await expectBalance(p, sums.accepted, { rejected: sums.rejected, duplicate: sums.duplicate, parked: 0 });
}

describe('an item at which our own code fails', () => {
  test('is set aside like one that a database refuses; its neighbours are applied and the lane goes on', async () => {
    const emails = emailsInLane(p, laneOf(p.workspaceId, BUGGY, LANES), 40, 'near-a-bug-');
    const since = Date.now();
    const chunks = await sendProfiles(
      p,
      [...emails, BUGGY].map((email) => ({ op: 'upsert', patch: patch(email, { custom_number_1: 1 }) })),
    );
    expect(chunks.length).toBe(1);
    await recovered(p, [...chunks, ...(await sendStep(p, emails, 2))], since, 'an item at which our own code fails');
    expect(await rejectionsOf(chunks[0] ?? '')).toEqual([{ code: 'refused_by_store', payload: expect.stringContaining(BUGGY) }]);
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2] })),
    );
    await check(81, 1);
  });
});

describe('an item that Postgres refuses', () => {
  test('in a batch of 1,000: the others are applied, it is listed, the lane goes on in order', async () => {
    const emails = emailsInLane(p, 0, 1_000, 'nul-');
    const bad = emails[617] ?? '';
    const since = Date.now();
    const [first] = await sendProfiles(
      p,
      emails.map((email) => ({ op: 'upsert', patch: patch(email, { custom_number_1: 1, ...(email === bad ? { first_name: NUL } : {}) }) })),
    );
    const rest = [...(await sendStep(p, emails, 2)), ...(await sendStep(p, emails, 3))];
    await recovered(p, [first ?? '', ...rest], since, 'a refused item among 1,000');
    expect(await rejectionsOf(first ?? '')).toEqual([{ code: 'refused_by_store', payload: expect.stringContaining(bad) }]);
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: email === bad ? [2, 3] : [1, 2, 3] })),
    );
    await check(3_000, 1);
  });

  test('for its address, its external_id or a key: none of them stops a lane or the timeline', async () => {
    const [a = '', b = '', c = ''] = emailsInLane(p, 1, 3, 'key-');
    const since = Date.now();
    const chunks = [
      ...(await sendProfiles(p, [
        { op: 'upsert', patch: patch(a, { custom_number_1: 1 }) },
        { op: 'upsert', patch: patch(b, { custom_number_1: 1 }, { external_id: NUL }) },
        { op: 'upsert', patch: patch(c, { custom_number_1: 1 }) },
      ])),
      ...(await sendSteps(p, [a, b, c], [2])),
      ...(await sendProfiles(p, [{ op: 'upsert', patch: patch(`${NUL}@x.io`) }])),
      ...(await sendEvents(p, [
        { kind: 'open_email', email: a, id: 'nul-a' },
        { kind: 'open_email', email: `${NUL}@x.io`, id: 'nul-b' },
        { kind: 'open_email', external_id: NUL, id: 'nul-c' },
        { kind: 'open_email', email: c, id: 'nul-d' },
      ])),
      ...(await sendEvents(p, [{ event_name: 'nul', external_id: '1', contact_external_id: NUL }])),
      ...(await sendEvents(p, [{ event_name: 'nul', external_id: '2', email: `${NUL}@x.io` }])),
    ];
    await recovered(p, chunks, since, 'refused keys');
    await expectSequences(p, [
      { email: a, sent: [1, 2] },
      { email: b, sent: [2] },
      { email: c, sent: [1, 2] },
    ]);
    await expectEvents(
      p,
      new Map([
        ['nul-a', a],
        ['nul-d', c],
      ]),
    );
    await check(13, 6);
  });
});

test('rows that ClickHouse refuses: the others arrive, the refused are listed, and their ids are free again', async () => {
  const emails = Array.from({ length: 50 }, (_, n) => `refused-${n}@x.io`);
  const events = emails.map((email, n) => ({ kind: 'click_email' as const, email, id: `refused-${n}` }));
  const since = Date.now();
  const [chunk = ''] = await sendEvents(
    p,
    events.map((e, n) => (n === 7 ? { ...e, occurred_at: 'not a time at all, sorry' } : e)),
  );
  const [profile = ''] = await sendProfiles(p, [{ op: 'upsert', patch: patch('mirror@x.io', { custom_datetime_1: 'not a time' }) }]);
  await recovered(p, [chunk, profile], since, 'rows refused by ClickHouse');
  expect(await rejectionsOf(chunk)).toEqual([{ code: 'refused_by_store', payload: expect.stringContaining('refused-7') }]);
  const refused = await pageRejections(p.pool, p.workspaceId, { beforeId: null, limit: 100, code: 'row_refused', jobId: null });
  expect(refused.map((r) => r.payload)).toEqual([expect.stringContaining('mirror@x.io')]);
  // The corrected copies: the refused id counts now, the others are duplicates. The mirror gets the corrected profile.
  await delivered(p, await sendEvents(p, events));
  await delivered(p, await sendProfiles(p, [{ op: 'upsert', patch: patch('mirror@x.io', { custom_datetime_1: null }) }]));
  await expectEvents(p, new Map(events.map((e) => [e.id, e.email])));
  expect(await countEvents(p, 'click_email', emails)).toEqual([50, 50]);
  await check(102, 1, 49);
});

describe('an item that ends the worker', () => {
  test('every time, in a batch of 1,000: set aside as crashed_worker; the others are applied, in order', async () => {
    const emails = emailsInLane(p, 2, 999, 'near-');
    const at = 500;
    const all = [...emails.slice(0, at), KILLER, ...emails.slice(at)];
    const item = (email: string) => ({ op: 'upsert' as const, patch: patch(email, { custom_number_1: 1 }) });
    // One chunk whatever lane the killer's address has: the position in the batch is what counts.
    const before = restarts();
    const [first = ''] = await sendInLane(2, all.map(item));
    const rest = await sendSteps(p, emails, [2, 3]);
    let last = Date.now();
    for (let deaths = 1; deaths <= 4; deaths += 1) {
      await until(`death ${deaths}`, async () => restarts() >= before + deaths);
      report(`death ${deaths} of an item that ends the worker, after the last one`, Date.now() - last);
      last = Date.now();
    }
    await recovered(p, [first, ...rest], last, 'an item that ended four workers');
    expect(await rejectionsOf(first)).toEqual([{ code: 'crashed_worker', payload: expect.stringContaining(KILLER) }]);
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2, 3] })),
    );
    await check(1_000 + 999 * 2, 1);
  }, 90_000);

  async function sendInLane(lane: number, items: { op: 'upsert'; patch: ReturnType<typeof patch> }[]): Promise<string[]> {
    const root = crypto.randomUUID();
    const placements = await p.producer.submit(
      p.workspaceId,
      items.map((i, index) => ({ queue: { kind: 'profile', lane }, item: { ...i, root, index }, bytes: 200 })),
      false,
    );
    return [...new Set(placements.map((x) => x.chunkId))];
  }

  test('twice on one job, which then meets errors that pass: nothing is lost, reordered or blamed on an item', async () => {
    const emails = emailsInLane(p, 3, 5, 'twice-');
    // The processes that walk the chunk fail three times at its second item, without dying.
    await Promise.all(p.stack.services.filter((s) => s.service === 'worker').map((w) => w.stop()));
    for (const name of ['doomed-1', 'doomed-2']) {
      points.arm('profile.before_commit');
      await addWorker(p, name, {}, false);
      const exit = await deathOf(p, async () => {
        if (name === 'doomed-1') sent.push(...(await sendSteps(p, emails, [1, 2, 3])));
      });
      expect(exit.signal).toBe('SIGKILL');
    }
    const since = Date.now();
    await addWorker(p, 'survivor', { MUSTER_FAILPOINTS: `profile.item:${emails[1]}=throw*3` });
    sent.push(...(await sendStep(p, emails, 4)));
    await recovered(p, sent, since, 'two kills on one job');
    expect(await rejectionsOf(sent[0] ?? '')).toEqual([]);
    await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2, 3, 4] })),
    );
    await check(20, 0);
  }, 60_000);
  const sent: string[] = [];
});
