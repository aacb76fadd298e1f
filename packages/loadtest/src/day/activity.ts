/** Activity events: a year of sent, opened and clicked messages, in the disorder in which trackers deliver them. */
import { type Random, random, weighted } from '../random.ts';
import { getsContact, lateIdOf } from './evening.ts';
import type { Outgoing } from './outgoing.ts';
import { emailOf, externalIdOf, hasExternalId, messyEmail } from './person.ts';
import type { DayPlan } from './plan.ts';
import { groupNamed, groupOf, type StatusToday, statusToday } from './status.ts';
import { AGENTS, CAMPAIGNS, LINKS, SUBJECTS } from './words.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

const SORTS = { usual: 945, duplicate: 20, invalid: 12, stranger: 8, parked: 6, ahead: 9 } as const;
type Sort = keyof typeof SORTS;

const KINDS = {
  insert_message_history: 560,
  open_email: 280,
  click_email: 110,
  bounce_email: 25,
  complain_email: 5,
  unsubscribe_email: 20,
} as const;
type Kind = keyof typeof KINDS;

const sortOf = (seed: number, j: number): Sort => weighted(random(seed, 'activity-sort', j), SORTS);
/** One usual event in ten has no id of its own; such an event counts as often as it is sent. */
const hasId = (seed: number, j: number): boolean => random(seed, 'activity-id', j).chance(0.9);

export function* activityEvents(plan: DayPlan): Generator<Outgoing> {
  for (let j = 0; j < plan.activity; j += 1) yield activityEvent(plan, j);
}

/** Event `j`, whatever was or was not made before. */
export function activityEvent(plan: DayPlan, j: number): Outgoing {
  switch (sortOf(plan.seed, j)) {
    case 'usual':
      return usual(plan, j);
    case 'duplicate':
      return duplicate(plan, j);
    case 'invalid':
      return invalid(plan, j);
    case 'stranger': {
      const stranger = `stranger.${random(plan.seed, 'stranger', j).int(plan.strangers)}@mail.${plan.tag}`;
      const body = { id: idOf(plan, j), kind: 'open_email', email: stranger, occurred_at: time(plan.now - 2 * DAY) };
      return { body, fate: 'applied', kind: 'open_email', stranger };
    }
    case 'parked': {
      const n = random(plan.seed, 'parked', j).int(plan.lateIds);
      const body = { id: idOf(plan, j), kind: 'open_email', external_id: lateIdOf(plan, n), occurred_at: time(plan.now - 3 * DAY) };
      return { body, fate: getsContact(n) ? 'applied' : 'parked', kind: 'open_email' };
    }
    case 'ahead': {
      // A tracker whose clock is wrong by a time zone: up to 24 hours ahead is taken.
      const r = random(plan.seed, 'ahead', j);
      const person = personFor(plan, r);
      const body = {
        id: idOf(plan, j),
        kind: 'open_email',
        email: emailOf(plan, person),
        occurred_at: time(plan.now + (1 + r.int(20)) * HOUR),
      };
      return { body, fate: 'applied', kind: 'open_email', person };
    }
  }
}

const idOf = (plan: DayPlan, j: number): string => `a-${plan.run}-${plan.seed}-${j}`;

/** Some read everything, most read little: a few persons have hundreds of events, half have almost none. */
function personFor(plan: DayPlan, r: Random): number {
  return Math.min(plan.persons - 1, Math.floor(plan.persons * r.next() ** 1.7));
}

function usual(plan: DayPlan, j: number): Outgoing {
  const { seed } = plan;
  const r = random(seed, 'activity', j);
  const person = personFor(plan, r);
  const kind = weighted(r, KINDS);
  const campaign = r.pick(CAMPAIGNS);
  const byId = r.chance(0.08) && hasExternalId(seed, person);
  const email = emailOf(plan, person);
  const body: Record<string, unknown> = {
    ...(hasId(seed, j) ? { id: idOf(plan, j) } : {}),
    ...(byId ? { external_id: externalIdOf(plan, person) } : { email: r.chance(0.1) ? messyEmail(email, r) : email }),
    kind,
    occurred_at: happened(plan, j, r),
    message_id: `m-${campaign}-${person}-${r.int(1_000_000)}`,
    campaign_id: campaign,
    template_id: `${campaign}-v${1 + r.int(3)}`,
  };
  Object.assign(body, details(seed, person, kind, r));
  return { body, fate: 'applied', kind, person };
}

/** Roughly in order over the year; one in ten comes late, and clocks jitter. All of it is before the day began. */
function happened(plan: DayPlan, j: number, r: Random): string {
  const inOrder = (YEAR * (plan.activity - j)) / plan.activity;
  const age = r.chance(0.1) ? r.next() * YEAR : inOrder + (r.next() - 0.5) * 6 * HOUR;
  return time(plan.now - Math.max(2 * HOUR, age), r.chance(0.1));
}

function details(seed: number, person: number, kind: Kind, r: Random): Record<string, unknown> {
  switch (kind) {
    case 'insert_message_history':
      return { properties: { subject: r.pick(SUBJECTS) } };
    case 'open_email':
      return { properties: { user_agent: r.pick(AGENTS), proxy: r.chance(0.3) } };
    case 'click_email':
      return { link_url: r.pick(LINKS) };
    case 'bounce_email':
      // Old news: the membership was decided after it, so even a permanent bounce of last year changes none.
      return { properties: { bounce_type: r.chance(0.3) ? 'permanent' : 'transient', smtp: '550 5.1.1' } };
    case 'complain_email':
      return {};
    case 'unsubscribe_email': {
      const [list] = groupNamed(groupOf(seed, person)).lists;
      return list !== undefined && r.chance(0.5) ? { list_id: list } : {};
    }
  }
}

/** The same event again under the same id, as a retrying tracker sends it. */
function duplicate(plan: DayPlan, j: number): Outgoing {
  const r = random(plan.seed, 'activity-duplicate', j);
  for (let tries = 0; tries < 20 && j > 0; tries += 1) {
    const earlier = j - 1 - r.int(Math.min(j, 5_000));
    if (sortOf(plan.seed, earlier) !== 'usual' || !hasId(plan.seed, earlier)) continue;
    return { body: usual(plan, earlier).body, fate: 'duplicate', kind: usual(plan, earlier).kind };
  }
  return usual(plan, j);
}

function invalid(plan: DayPlan, j: number): Outgoing {
  const r = random(plan.seed, 'activity-invalid', j);
  const email = emailOf(plan, personFor(plan, r));
  const good = { id: idOf(plan, j), kind: 'open_email', email };
  const cases: [[string[], unknown], ...[string[], unknown][]] = [
    [['occurred_at_in_future'], { ...good, occurred_at: time(plan.now + (2 + r.int(300)) * DAY) }],
    [['occurred_at_in_future'], { ...good, occurred_at: '2199-01-01T00:00:00Z' }],
    [['invalid_datetime'], { ...good, occurred_at: '2025-02-30T12:00:00Z' }],
    [['invalid_datetime'], { ...good, occurred_at: 'yesterday' }],
    [['invalid_kind'], { ...good, kind: 'opened' }],
    [['required'], { id: good.id, email }],
    [['required'], { id: good.id, kind: 'click_email' }],
    [['invalid_email'], { ...good, email: 'undefined' }],
    [['empty_not_allowed'], { ...good, id: '' }],
    [['too_large'], { ...good, properties: { html: '<p>'.repeat(12_000) } }],
    [['too_deep'], { ...good, properties: nested(70) }],
    [['invalid_characters'], { ...good, properties: { note: 'NUL\u0000' } }],
    [['invalid_kind', 'invalid_email'], { ...good, kind: 'sent', email: '' }],
  ];
  const [codes, body] = r.pick(cases);
  return { body, fate: 'refused', kind: 'open_email', codes };
}

function nested(levels: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let level = 0; level < levels; level += 1) value = { deeper: value };
  return value;
}

/** Today's unsubscribes, bounces and complaints. No `occurred_at`: they happen when they are accepted, after the subscriptions. */
export function* statusEvents(plan: DayPlan): Generator<Outgoing> {
  for (let person = 0; person < plan.persons; person += 1) {
    const today = statusToday(plan.seed, person);
    if (today === null) continue;
    const { kind, ...more } = STATUS_EVENTS[today];
    const body = { id: `s-${plan.run}-${plan.seed}-${person}`, email: emailOf(plan, person), kind, ...more };
    yield { body, fate: 'applied', kind, person };
  }
}

const STATUS_EVENTS: Record<StatusToday, { kind: Kind; list_id?: string; properties?: Record<string, unknown> }> = {
  unsubscribe_all: { kind: 'unsubscribe_email' },
  unsubscribe_newsletter: { kind: 'unsubscribe_email', list_id: 'newsletter' },
  bounce_permanent: { kind: 'bounce_email', properties: { bounce_type: 'permanent', smtp: '550 5.1.1 no such user' } },
  bounce_transient: { kind: 'bounce_email', properties: { bounce_type: 'transient', smtp: '452 4.2.2 mailbox full' } },
  complain: { kind: 'complain_email' },
};

/** RFC 3339, in UTC or as a server in Kolkata writes it. */
export function time(ms: number, withOffset = false): string {
  if (!withOffset) return new Date(ms).toISOString();
  return `${new Date(ms + 5.5 * HOUR).toISOString().slice(0, -1)}+05:30`;
}
