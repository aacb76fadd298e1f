/**
 * SIGKILL of a worker at every point between two stores. Each round kills one worker after the other, each at another point, with
 * a load of its own; whatever was under way at the point must be finished by others or by the restarted process.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addWorker,
  emailsInLane,
  FaultPoints,
  killAt,
  RECOVERY_MS,
  recovered,
  sendStep,
  sendSteps,
  workersOf,
  working,
} from '../support/faults.ts';
import { contactByEmail, type Pipeline, patch, sendEvents, sendProfiles, startPipeline } from '../support/pipeline.ts';
import { chRows, countEvents, expectBalance, expectEvents, expectSequences, expectTouched, settled, watch } from '../support/verify.ts';

const PROFILE = ['profile.before_commit', 'profile.after_commit', 'relay.after_clickhouse', 'relay.after_touched'];
const TIMELINE = [
  'timeline.after_claims',
  'timeline.before_commit',
  'timeline.after_commit',
  'timeline.after_clickhouse',
  'timeline.after_touched',
];
const CUSTOM = ['custom_event.before_commit', 'custom_event.after_commit'];
const PARKING = 'parking.before_commit';
const points = new FaultPoints(Object.fromEntries([...PROFILE, ...TIMELINE, ...CUSTOM, PARKING].map((name) => [name, 'kill'])));

/** What must hold after a kill; `end` is the time of the round's last one. */
type Check = (end: number) => Promise<void>;

let p: Pipeline;
let accepted = 0;
beforeAll(async () => {
  p = await startPipeline({ env: points.env });
  await Promise.all([addWorker(p, 'worker-2'), addWorker(p, 'worker-3')]);
  await watch(
    p,
    'kind:contact.updated',
    'field:custom_number_1',
    'kind:open_email',
    'kind:click_email',
    'kind:custom_event.signup',
    'goals',
  );
}, 120_000);
afterAll(async () => {
  await p?.close();
  points.remove();
});

/** Kills a worker at a point of the profile's way; returns the check to make afterwards. */
async function killProfile(point: string, lane: number): Promise<Check> {
  const emails = emailsInLane(p, lane, 5, `${point}-`);
  accepted += emails.length * 4;
  let chunks: string[] = [];
  const at = await killAt(p, points, point, async () => {
    chunks = await sendSteps(p, emails, [1, 2, 3]);
  });
  chunks.push(...(await sendStep(p, emails, 4)));
  return async (end) => {
    await recovered(p, chunks, at, point, end);
    const ids = await expectSequences(
      p,
      emails.map((email) => ({ email, sent: [1, 2, 3, 4] })),
    );
    for (const dependency of ['kind:contact.updated', 'field:custom_number_1']) await expectTouched(p, dependency, ids.values());
  };
}

/** Two chunks of events of new contacts: one with producers' ids, and without, one half sent twice. */
async function killTimeline(point: string): Promise<Check> {
  const emails = Array.from({ length: 20 }, (_, n) => `${point}-${n}@x.io`);
  const named = emails.map((email, n) => ({ kind: 'open_email' as const, email, id: `${point}-${n}` }));
  accepted += 50;
  const chunks: string[] = [];
  const at = await killAt(p, points, point, async () => {
    chunks.push(...(await sendEvents(p, [...named, ...named.slice(10)])));
    chunks.push(
      ...(await sendEvents(
        p,
        emails.map((email) => ({ kind: 'click_email' as const, email })),
      )),
    );
  });
  return async (end) => {
    await recovered(p, chunks, at, point, end);
    await expectEvents(p, new Map(named.map((e) => [e.id, e.email])));
    expect(await countEvents(p, 'open_email', emails), 'open_email').toEqual([20, 20]);
    expect(await countEvents(p, 'click_email', emails), 'click_email').toEqual([20, 20]);
    expect(await countEvents(p, 'contact.created', emails), 'contact.created').toEqual([20, 20]);
    const ids = await Promise.all(emails.map(async (email) => (await contactByEmail(p, email))?.contact_id ?? 0));
    for (const dependency of ['kind:open_email', 'kind:click_email']) await expectTouched(p, dependency, ids);
  };
}

/** The same custom event three times, the last for another contact: the first one must lose it. */
async function killCustom(point: string): Promise<Check> {
  const [first, second] = [`${point}-a@x.io`, `${point}-b@x.io`];
  const event = { event_name: 'signup', external_id: point };
  accepted += 3;
  const chunks: string[] = [];
  const at = await killAt(p, points, point, async () => {
    for (const [email, step] of [
      [first, 1],
      [first, 2],
      [second, 3],
    ] as const)
      chunks.push(...(await sendEvents(p, [{ ...event, email, properties: { step } }])));
  });
  return async (end) => {
    await recovered(p, chunks, at, point, end);
    const ids = [(await contactByEmail(p, first))?.contact_id ?? 0, (await contactByEmail(p, second))?.contact_id ?? 0];
    for (const table of ['custom_events', 'custom_events_by_contact']) {
      const rows = await chRows(
        p,
        `SELECT contact_id, properties FROM ${table} FINAL WHERE workspace_id = {ws:UInt32} AND external_id = {id:String}`,
        { id: point },
      );
      expect(rows, table).toEqual([{ contact_id: ids[1], properties: '{"step":3}' }]);
    }
    for (const dependency of ['kind:custom_event.signup', 'goals']) await expectTouched(p, dependency, ids);
  };
}

/** Events that wait for an external_id, which then comes. */
async function killParking(): Promise<Check> {
  const email = 'parked@x.io';
  const ids = Array.from({ length: 5 }, (_, n) => `parked-${n}`);
  accepted += 7;
  const chunks = await sendEvents(
    p,
    ids.map((id) => ({ kind: 'open_email' as const, external_id: 'crm-1', id })),
  );
  chunks.push(...(await sendEvents(p, [{ event_name: 'signup', external_id: 'parked-custom', contact_external_id: 'crm-1' }])));
  await recovered(p, chunks, Date.now(), 'parking');
  const at = await killAt(p, points, PARKING, async () => {
    chunks.push(...(await sendProfiles(p, [{ op: 'upsert', patch: patch(email, {}, { external_id: 'crm-1' }) }])));
  });
  return async (end) => {
    await recovered(p, chunks, at, PARKING, end);
    await settled(p, Math.max(1, end + RECOVERY_MS - Date.now()));
    await expectEvents(p, new Map(ids.map((id) => [id, email])));
    const contact = (await contactByEmail(p, email))?.contact_id ?? 0;
    await expectTouched(p, 'kind:open_email', [contact]);
    await expectTouched(p, 'kind:custom_event.signup', [contact]);
    const [row] = await chRows<{ n: number }>(
      p,
      "SELECT toUInt32(count()) AS n FROM custom_events FINAL WHERE workspace_id = {ws:UInt32} AND external_id = 'parked-custom'",
    );
    expect(row?.n).toBe(1);
  };
}

const ROUNDS: Record<string, () => Promise<Check>>[] = [
  {
    'profile.before_commit': () => killProfile('profile.before_commit', 0),
    'timeline.after_claims': () => killTimeline('timeline.after_claims'),
    'relay.after_clickhouse': () => killProfile('relay.after_clickhouse', 1),
    'custom_event.before_commit': () => killCustom('custom_event.before_commit'),
  },
  {
    'profile.after_commit': () => killProfile('profile.after_commit', 2),
    'timeline.before_commit': () => killTimeline('timeline.before_commit'),
    'relay.after_touched': () => killProfile('relay.after_touched', 3),
    'custom_event.after_commit': () => killCustom('custom_event.after_commit'),
  },
  {
    'timeline.after_commit': () => killTimeline('timeline.after_commit'),
    'timeline.after_clickhouse': () => killTimeline('timeline.after_clickhouse'),
    'timeline.after_touched': () => killTimeline('timeline.after_touched'),
    'parking.before_commit': killParking,
  },
];

describe('SIGKILL of workers', () => {
  test.each(ROUNDS.map((round) => [Object.keys(round).join(', '), round] as const))(
    'at %s',
    async (_, round) => {
      const checks: Check[] = [];
      for (const kill of Object.values(round)) checks.push(await kill());
      // The fault ends with the last kill: each one may hit what recovers from the one before.
      const end = Date.now();
      for (const check of checks) await check(end);
      await settled(p);
      await expectBalance(p, accepted, { rejected: 0, parked: 0 });
      await Promise.all(workersOf(p).map((w) => working(w)));
    },
    90_000,
  );
});
