/** The day as waves of requests, made lazily: at no time is more than one request of each group in memory. */
import { activityEvents, statusEvents } from './activity.ts';
import { customChanges, customCreations } from './custom.ts';
import { lateContacts, movedPersons, resubscribed, takenIds } from './evening.ts';
import type { Call, Outgoing, Route, Wave } from './outgoing.ts';
import type { DayPlan } from './plan.ts';
import { middayRecords, morningRecords } from './records.ts';
import { type GroupName, groupNamed } from './status.ts';

const BATCH = 1_000;
/** One request in so many is a single item, as an application sends it. */
const SINGLES = 200;
/** Every so-manieth batch of activity goes as NDJSON, with one line that is no JSON. */
const LINES_EVERY = 10;

export function dayWaves(plan: DayPlan): Wave[] {
  const wave = (name: string, items: number, calls: () => Iterable<Call>, afterApplied = false): Wave => ({
    name,
    items,
    calls,
    afterApplied,
  });
  const midday = countItems(middayCalls(plan));
  const evening = countItems(eveningCalls(plan));
  return [
    wave('contacts', plan.records, () => morningCalls(plan)),
    wave('contacts again', midday, () => middayCalls(plan)),
    wave('activity', plan.activity + Math.floor(plan.activity / BATCH / LINES_EVERY), () => activityCalls(plan)),
    wave('custom events', plan.customKeys, () => batches(customCreations(plan), 'customEvents.import')),
    wave('corrections', plan.customItems - plan.customKeys, () => changeCalls(plan)),
    wave('unsubscribes and bounces', plan.statusEvents, () => batches(statusEvents(plan), 'timeline.ingest', 50)),
    wave('evening', evening, () => eveningCalls(plan), true),
  ];
}

/** Items of each group wait until they fill a request: lists are named per request. */
function* morningCalls(plan: DayPlan): Generator<Call> {
  const open = new Map<GroupName, Outgoing[]>();
  const call = (name: GroupName, items: Outgoing[]): Call => ({ route: 'contacts.import', items, group: groupNamed(name) });
  for (const { group, outgoing } of morningRecords(plan)) {
    const items = open.get(group) ?? [];
    items.push(outgoing);
    if (items.length < BATCH) open.set(group, items);
    else {
      open.delete(group);
      yield call(group, items);
    }
  }
  for (const [group, items] of open) yield call(group, items);
}

function* middayCalls(plan: DayPlan): Generator<Call> {
  yield* batches(middayRecords(plan), 'contacts.import', BATCH, 'contacts.upsert');
}

function* activityCalls(plan: DayPlan): Generator<Call> {
  let number = 0;
  for (const call of batches(activityEvents(plan), 'timeline.ingest')) {
    number += 1;
    if (number % LINES_EVERY !== 0 || call.items.length < BATCH) yield call;
    else yield { route: 'timeline.lines', items: [...call.items, BROKEN_LINE] };
  }
}

const BROKEN_LINE: Outgoing = { body: undefined, fate: 'refused', kind: 'open_email', codes: ['malformed_json'] };

/** The changes of one key stay together: the order of two requests in flight is not defined. */
function* changeCalls(plan: DayPlan): Generator<Call> {
  let items: Outgoing[] = [];
  for (const changes of customChanges(plan)) {
    if (items.length + changes.length > BATCH) {
      yield { route: 'customEvents.import', items };
      items = [];
    }
    items.push(...changes);
  }
  if (items.length > 0) yield { route: 'customEvents.import', items };
}

function* eveningCalls(plan: DayPlan): Generator<Call> {
  yield* batches(lateContacts(plan), 'contacts.import', 20);
  yield* batches(takenIds(plan), 'contacts.import', 20);
  for (const call of batches(movedPersons(plan), 'contacts.import', 20)) yield { ...call, byExternalId: true };
  for (const call of batches(resubscribed(plan), 'contacts.import', 20)) yield { ...call, group: groupNamed('newsletter_confirmed') };
}

function* batches(items: Iterable<Outgoing>, route: Route, size = BATCH, single?: Route): Generator<Call> {
  let open: Outgoing[] = [];
  let singles = 0;
  for (const item of items) {
    if (single !== undefined && singles < SINGLES && item.fate !== 'refused') {
      singles += 1;
      yield { route: single, items: [item] };
      continue;
    }
    open.push(item);
    if (open.length < size) continue;
    yield { route, items: open };
    open = [];
  }
  if (open.length > 0) yield { route, items: open };
}

function countItems(calls: Iterable<Call>): number {
  let total = 0;
  for (const call of calls) total += call.items.length;
  return total;
}
