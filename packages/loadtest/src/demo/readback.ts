/** Reads sampled persons back: their whole timelines and the money of their goals. */
import { goalValueToScaled, normaliseGoalValue, scaledToGoalValue } from '@muster/domain';
import type { MusterClient } from '../client/client.ts';
import { bump, type Expectation, sampledEntries } from '../day/expectation.ts';
import { emailOf } from '../day/person.ts';
import type { DayPlan } from '../day/plan.ts';
import type { Checks } from './checks.ts';
import { eachOf } from './pool.ts';
import { readUntil } from './settle.ts';

const WIDTH = 6;

export type ReadBack = { persons: number; entries: number; money: string };

export async function readBack(client: MusterClient, plan: DayPlan, expectation: Expectation, checks: Checks): Promise<ReadBack> {
  const total: { persons: number; entries: number; sent: bigint; found: bigint; wrong: string[] } = {
    persons: 0,
    entries: 0,
    sent: 0n,
    found: 0n,
    wrong: [],
  };
  let expected = 0;
  let found = 0;
  await eachOf(expectation.sample, WIDTH, async ([person, seen]) => {
    const email = emailOf(plan, person);
    const wanted = sampledEntries(plan, person, seen);
    const kinds = await readUntil(
      () => entryKinds(client, email),
      (value) => same(value, wanted.kinds),
    );
    const money = await moneyOf(client, email);
    total.persons += 1;
    expected += sum(wanted.kinds);
    found += sum(kinds);
    total.sent += wanted.money;
    total.found += money;
    if (!same(kinds, wanted.kinds) || money !== wanted.money) total.wrong.push(email);
  });
  checks.compare('timeline entries of sampled persons', expected, found);
  checks.compare('money of their live goals', scaledToGoalValue(total.sent), scaledToGoalValue(total.found));
  checks.compare(
    'sampled persons who differ',
    'none',
    total.wrong.length === 0 ? 'none' : `${total.wrong.length}, such as ${total.wrong[0]}`,
  );
  return { persons: total.persons, entries: found, money: scaledToGoalValue(total.found) };
}

/**
 * Entries by kind. Whether an upsert found the contact already made by an event is a matter of milliseconds: `contact.updated` is left out.
 * So are joins and leaves: segments of an earlier run, or of others, may be there.
 */
async function entryKinds(client: MusterClient, email: string): Promise<Map<string, number>> {
  const kinds = new Map<string, number>();
  for await (const { kind } of client.timeline(email)) if (kind !== 'contact.updated' && !kind.startsWith('segment.')) bump(kinds, kind);
  return kinds;
}

async function moneyOf(client: MusterClient, email: string): Promise<bigint> {
  let money = 0n;
  for await (const event of client.customEvents(email)) {
    const live = event.deleted_at === undefined || event.deleted_at === null;
    const value = live && typeof event.goal_value === 'number' ? normaliseGoalValue(event.goal_value) : null;
    if (value !== null) money += goalValueToScaled(value);
  }
  return money;
}

function same(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, n]) => b.get(key) === n);
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, n) => total + n, 0);
