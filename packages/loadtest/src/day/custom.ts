/** Custom events and goals: purchases with money, subscriptions, sign-ups; later corrected, deleted and restored. */
import { random, weighted } from '../random.ts';
import { time } from './activity.ts';
import { changesOf } from './custom-changes.ts';
import { getsContact, lateIdOf } from './evening.ts';
import type { CustomState, Outgoing } from './outgoing.ts';
import { emailOf, externalIdOf, hasExternalId, messyEmail } from './person.ts';
import type { DayPlan } from './plan.ts';

const DAY = 86_400_000;
const NAMES = { purchase: 40, 'page.view': 30, signup: 10, 'trial/started': 8, 'subscription.renewed': 12 } as const;
type Name = keyof typeof NAMES;
const GOALS = { purchase: 'purchase', signup: 'signup', 'trial/started': 'trial', 'subscription.renewed': 'subscription' } as const;

type Made = { name: Name; key: string; who: Who; body: Record<string, unknown>; goalValue: string | null };
type Who = { by: 'email' | 'external_id'; person: number } | { by: 'late_id'; n: number };

function whoOf(plan: DayPlan, k: number): Who {
  const r = random(plan.seed, 'custom-who', k);
  if (r.chance(0.01)) return { by: 'late_id', n: r.int(plan.lateIds) };
  const person = r.int(plan.persons);
  return { by: r.chance(0.08) && hasExternalId(plan.seed, person) ? 'external_id' : 'email', person };
}

/** Version `v` of key `k`; 0 is how it was created. */
function make(plan: DayPlan, k: number, v: number): Made {
  const r = random(plan.seed, `custom-${v}`, k);
  const name = weighted(random(plan.seed, 'custom-name', k), NAMES);
  const who = whoOf(plan, k);
  const key = `c-${plan.run}-${plan.seed}-${k}`;
  const body: Record<string, unknown> = { event_name: name, external_id: key };
  if (who.by === 'late_id') body.contact_external_id = lateIdOf(plan, who.n);
  else if (who.by === 'external_id') body.contact_external_id = externalIdOf(plan, who.person);
  else body.email = r.chance(0.1) ? messyEmail(emailOf(plan, who.person), r) : emailOf(plan, who.person);
  body.occurred_at = time(plan.now - DAY * (0.1 + 364 * random(plan.seed, 'custom-when', k).next()), r.chance(0.1));
  let goalValue: string | null = null;
  if (name === 'purchase' || name === 'subscription.renewed') {
    // Cents and, for some currencies, tenths of a cent; one purchase in twenty is a refund.
    const cents = 1 + r.int(50_000);
    const amount = `${r.chance(0.05) ? '-' : ''}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}${r.chance(0.05) ? '5' : ''}`;
    goalValue = amount;
    body.goal_value = r.chance(0.5) ? amount : Number(amount);
    body.goal_name = name === 'purchase' ? 'Order' : 'Renewal';
  }
  if (name in GOALS) body.goal_type = GOALS[name as keyof typeof GOALS];
  body.properties =
    name === 'page.view' ? { path: `/p/${r.int(500)}`, ms: r.int(9_000) } : { currency: 'EUR', items: 1 + r.int(5), version: v };
  return { name, key, who, body, goalValue };
}

/** How key `k` is created. */
export function customCreation(plan: DayPlan, k: number): Outgoing {
  if (isInvalid(plan, k)) return invalid(plan, k);
  const made = make(plan, k, 0);
  const parked = made.who.by === 'late_id' && !getsContact(made.who.n);
  return outgoing(made, made.body, { key: made.key, live: true, goalValue: made.goalValue }, parked ? 'parked' : 'applied');
}

export function* customCreations(plan: DayPlan): Generator<Outgoing> {
  for (let k = 0; k < plan.customKeys; k += 1) yield customCreation(plan, k);
}

/** The changes of each key that has some, keys in order. */
export function* customChanges(plan: DayPlan): Generator<Outgoing[]> {
  for (let k = 0; k < plan.customKeys; k += 1) {
    const changes = changesOf(plan.seed, k);
    if (changes.length > 0) yield changesOfKey(plan, k);
  }
}

function changesOfKey(plan: DayPlan, k: number): Outgoing[] {
  // Created invalid, or waiting for its contact: the change then is the first that is stored, or about another key.
  const settled = whoOf(plan, k).by === 'email' && !isInvalid(plan, k);
  let version = 0;
  return changesOf(plan.seed, k).map((change) => {
    if (!settled) return untouched(plan, k, change);
    if (change === 'update') version = 1;
    const made = make(plan, k, version);
    const state: CustomState = { key: made.key, live: change !== 'delete', goalValue: made.goalValue };
    const body = change === 'delete' ? { ...made.body, deleted_at: time(plan.now - 60_000) } : made.body;
    return outgoing(made, body, state, 'applied');
  });
}

/** A change whose key has no stored event by an address: an event of its own instead, under its own key. */
function untouched(plan: DayPlan, k: number, change: string): Outgoing {
  const person = random(plan.seed, 'custom-untouched', k).int(plan.persons);
  const key = `u-${plan.run}-${plan.seed}-${k}-${change}`;
  const body = { event_name: 'page.view', external_id: key, email: emailOf(plan, person), properties: { change } };
  return { body, fate: 'applied', kind: 'custom_event.page.view', person, custom: { key, live: true, goalValue: null } };
}

function outgoing(made: Made, body: Record<string, unknown>, custom: CustomState, fate: 'applied' | 'parked'): Outgoing {
  const person = made.who.by === 'late_id' ? {} : { person: made.who.person };
  return { body, fate, kind: `custom_event.${made.name}`, custom, ...person };
}

function isInvalid(plan: DayPlan, k: number): boolean {
  return random(plan.seed, 'custom-invalid', k).chance(0.012);
}

function invalid(plan: DayPlan, k: number): Outgoing {
  const good = {
    event_name: 'purchase',
    external_id: `bad-${plan.run}-${k}`,
    email: emailOf(plan, 0),
    goal_type: 'purchase',
    goal_value: 1,
  };
  const { goal_value: _, ...free } = good;
  const cases: [[string[], unknown], ...[string[], unknown][]] = [
    [['goal_value_required'], free],
    [['invalid_goal_value'], { ...good, goal_value: '12,50 €' }],
    [['invalid_goal_value'], { ...good, goal_value: '0.123456' }],
    [['invalid_goal_type'], { ...good, goal_type: 'sale' }],
    [['invalid_event_name'], { ...good, event_name: 'Order Completed' }],
    [['required'], { event_name: 'signup', email: good.email }],
    [['required'], { event_name: 'signup', external_id: good.external_id }],
    [['invalid_email'], { ...good, email: 'name@' }],
    [['occurred_at_in_future'], { ...good, occurred_at: time(plan.now + 40 * DAY) }],
  ];
  const [codes, body] = random(plan.seed, 'custom-invalid-case', k).pick(cases);
  return { body, fate: 'refused', kind: 'custom_event.purchase', codes };
}
