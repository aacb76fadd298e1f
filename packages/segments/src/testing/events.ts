/** Events of a world: timeline entries with copies of themselves, and custom events with their versions. Contacts are positions. */
import { GOAL_TYPES, MESSAGE_KINDS } from '@muster/domain';
import fc from 'fast-check';
import type { WorldCustomEvent, WorldEvent } from '../reference/world.ts';
import { CONTACT_KINDS, LIST_KINDS } from '../schema/leaf.ts';
import { jsonObjectArbitrary } from './json.ts';
import { EVENT_NAMES, favouring, GOAL_NAMES, goalValueArbitrary, KEY_TEXTS, LINKS, LIST_IDS, REFERENCES } from './pools.ts';
import { pastArbitrary } from './times.ts';

const MAX_EVENTS = 80;
const MAX_CUSTOM_EVENTS = 25;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const kindArbitrary: fc.Arbitrary<string> = favouring<string>(
  ['open_email', 'open_email', 'click_email'],
  [...MESSAGE_KINDS, ...LIST_KINDS, ...CONTACT_KINDS],
);

type Placed<T> = Omit<T, 'contact_id'> & { contact: number };

/** Texts of a column: absent and empty ones too, both of which are no value. */
const columnArbitrary = (values: readonly string[]): fc.Arbitrary<string | undefined> =>
  fc.constantFrom(undefined, undefined, '', ...values, values[0]);

function contentArbitrary(anchor: number) {
  return fc.record({
    message_id: columnArbitrary(REFERENCES),
    template_id: columnArbitrary(REFERENCES),
    campaign_id: columnArbitrary(REFERENCES),
    list_id: columnArbitrary(LIST_IDS),
    link_url: columnArbitrary(LINKS),
    properties: fc.option(jsonObjectArbitrary(anchor), { nil: undefined, freq: 3 }),
  });
}

/** Events, some late, some up to 24 hours ahead, some stored more than once with other contents. */
export function eventsArbitrary(anchor: number): fc.Arbitrary<Placed<WorldEvent>[]> {
  const content = contentArbitrary(anchor);
  const event = fc.record({
    contact: fc.nat(24),
    kind: kindArbitrary,
    id: fc.nat(30).map((n) => `e${n}`),
    occurred_at: pastArbitrary(anchor),
    /** How long after it happened it was accepted. */
    lag: fc.constantFrom(0, 1, HOUR_MS, 3 * DAY_MS, 400 * DAY_MS),
    content,
    /** A negative delay: stored later than the event itself, but accepted before it. */
    copies: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(fc.record({ delay: fc.constantFrom(-HOUR_MS, 0, HOUR_MS), content }), { minLength: 1, maxLength: 2 }),
      },
    ),
  });
  return fc.array(event, { maxLength: 60, size: 'max' }).map((events) =>
    events
      .flatMap(({ content: own, copies, lag, ...rest }) =>
        [{ delay: 0, content: own }, ...copies].map((copy) => ({
          ...rest,
          accepted: acceptedAt(rest.occurred_at + lag, anchor) + copy.delay,
          ...copy,
        })),
      )
      .slice(0, MAX_EVENTS)
      // Of copies accepted in the same microsecond none would be the first: the position tells them apart.
      .map(({ accepted, delay: _, content: { ...columns }, ...rest }, n) => ({
        ...rest,
        ...present(columns),
        accepted_at: accepted * 1000 + n,
      })),
  );
}

/** Nothing is accepted after the anchor, nor more than some years before it. */
function acceptedAt(instant: number, anchor: number): number {
  return Math.min(anchor, Math.max(instant, anchor - 1_000 * DAY_MS));
}

/** Custom events with up to four versions each, which may move to another contact, be deleted and come back; in no order. */
export function customEventsArbitrary(anchor: number): fc.Arbitrary<Placed<WorldCustomEvent>[]> {
  const version = fc.record({
    contact: fc.nat(24),
    occurred_at: pastArbitrary(anchor),
    ord: fc.nat(1),
    goal_name: columnArbitrary(GOAL_NAMES),
    goal_type: fc.oneof(fc.constantFrom(undefined, 'purchase' as const, 'lead' as const), fc.constantFrom(...GOAL_TYPES)),
    goal_value: fc.option(goalValueArbitrary, { nil: undefined, freq: 4 }),
    properties: fc.option(jsonObjectArbitrary(anchor), { nil: undefined, freq: 2 }),
    deleted_at: fc.constantFrom(null, null, null, null, null, null, anchor - DAY_MS, anchor + DAY_MS),
    place: fc.nat(99),
  });
  const event = fc.record({
    event_name: fc.constantFrom(...EVENT_NAMES, EVENT_NAMES[0], EVENT_NAMES[0]),
    external_id: fc.constantFrom(...KEY_TEXTS),
    versions: fc.oneof(
      { weight: 2, arbitrary: fc.array(version, { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(version, { minLength: 2, maxLength: 4, size: 'max' }) },
    ),
    stays: fc.boolean(),
  });
  const all = fc.oneof(
    { withCrossShrink: true },
    { weight: 1, arbitrary: fc.array(event, { maxLength: 8 }) },
    { weight: 5, arbitrary: fc.array(event, { minLength: 8, maxLength: 20, size: 'max' }) },
  );
  return all.map((events) =>
    events
      .flatMap(({ versions, stays, ...key }) =>
        versions.map((each) => ({ ...each, ...key, contact: stays ? (versions[0]?.contact ?? 0) : each.contact })),
      )
      .slice(0, MAX_CUSTOM_EVENTS)
      // Three in a row are accepted together, so that `ord` and the key decide as well.
      .map((each, n) => ({ ...each, version: n + 1, accepted_at: (anchor - DAY_MS) * 1000 + Math.floor(n / 3) }))
      .sort((a, b) => a.place - b.place)
      .map(({ place: _, ...each }) => present(needsValue(each) ? { ...each, goal_value: '10' } : each)),
  );
}

/** The two types that are refused without a value. */
function needsValue(event: { goal_type: string | undefined; goal_value: string | undefined }): boolean {
  return (event.goal_type === 'purchase' || event.goal_type === 'subscription') && event.goal_value === undefined;
}

type Present<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** Without the keys whose value is undefined. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Present<T>;
}
