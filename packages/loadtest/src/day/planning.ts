/** How much of everything a day of a given scale holds. */
import { changesOf } from './custom-changes.ts';
import { type DayPlan, tagOf } from './plan.ts';
import { recordKind } from './records.ts';
import { statusToday } from './status.ts';

const RECORDS = 20_000;
const EVENTS = 200_000;
/** Share of the events that create a custom event. */
const CUSTOM_SHARE = 0.11;
const SAMPLED_PERSONS = 150;

export type Sizes = { seed: number; run: number; now: number; scale: number };

export function planDay({ seed, run, now, scale }: Sizes): DayPlan {
  const records = Math.max(100, Math.round(RECORDS * scale));
  const events = Math.max(500, Math.round(EVENTS * scale));
  const persons = count(records, (k) => recordKind(seed, k) === 'person');
  const customKeys = Math.round(events * CUSTOM_SHARE);
  const customItems = customKeys + sum(customKeys, (k) => changesOf(seed, k).length);
  const statusEvents = count(persons, (p) => statusToday(seed, p) !== null);
  return {
    seed,
    run,
    now,
    tag: tagOf(seed, run),
    records,
    persons,
    events,
    activity: events - customItems - statusEvents,
    customKeys,
    customItems,
    statusEvents,
    strangers: Math.max(2, Math.round(events / 1_000)),
    lateIds: Math.max(4, Math.round(events / 2_000)),
    sampleEvery: Math.max(1, Math.floor(persons / SAMPLED_PERSONS)),
  };
}

function count(n: number, test: (i: number) => boolean): number {
  return sum(n, (i) => (test(i) ? 1 : 0));
}

function sum(n: number, value: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i += 1) total += value(i);
  return total;
}
