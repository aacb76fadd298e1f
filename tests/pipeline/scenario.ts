/** Random scenarios for the model, and the items that they are sent as. */

import { laneOf } from '@muster/domain';
import type { QueueRef } from '@muster/queues';
import fc from 'fast-check';
import { LANES, type Pipeline, patch } from '../support/pipeline.ts';
import type { Op } from './helpers.ts';
import type { CustomStep, EventStep, ListId, Phase, ProfileStep, SentPhase } from './model.ts';

const EMAILS = ['a', 'b', 'c'];
const EXTS = ['X', 'Y'];
const email = fc.constantFrom(...EMAILS);
const ext = fc.constantFrom(...EXTS);
const list = fc.constantFrom<ListId>('news', 'club');
const upsert = fc.record(
  {
    op: fc.constant('upsert' as const),
    email,
    n: fc.constantFrom(1, 2, null),
    ext: fc.constantFrom('X', 'Y', null),
    byId: fc.boolean(),
    created: fc.constantFrom('2001-01-01T00:00:00.000Z', '1960-05-05T05:05:05.005Z'),
    lists: fc.uniqueArray(list, { minLength: 1, maxLength: 2 }),
    confirmed: fc.boolean(),
  },
  { requiredKeys: ['op', 'email'] },
);
const profileStep: fc.Arbitrary<ProfileStep> = fc.oneof(
  { weight: 5, arbitrary: upsert },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('set' as const),
      email,
      list,
      status: fc.constantFrom('active', 'pending', 'unsubscribed', 'bounced', 'complained'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), email, list }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('change' as const), email, to: email }) },
);
/** Few ids, and an id always names the same event: which of two copies in one request is first does not matter then. */
const NAMED: EventStep[] = [
  { kind: 'open_email', id: 'i0', email: 'a' },
  { kind: 'open_email', id: 'i1', ext: 'X' },
  { kind: 'complain_email', id: 'i2', email: 'b' },
];
const eventStep: fc.Arbitrary<EventStep> = fc.oneof(
  fc.constantFrom(...NAMED),
  ext.map((e): EventStep => ({ kind: 'open_email', ext: e })),
  fc.record(
    { kind: fc.constantFrom('open_email', 'bounce_email', 'complain_email', 'unsubscribe_email'), email, list },
    { requiredKeys: ['kind', 'email'] },
  ),
);
const customStep: fc.Arbitrary<CustomStep> = fc
  .record({ key: fc.constantFrom('k1', 'k2'), n: fc.nat(99), who: fc.oneof(email, ext), deleted: fc.boolean() })
  .map(({ who, ...rest }) => ({ ...rest, ...(EXTS.includes(who) ? { ext: who } : { email: who }) }));
const cut = fc.integer({ min: 1, max: 8 });
const again = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
const phase: fc.Arbitrary<Phase> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('profiles' as const),
      steps: fc.array(profileStep, { minLength: 1, maxLength: 8 }),
      cut,
      again,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('events' as const), steps: fc.array(eventStep, { minLength: 1, maxLength: 6 }), again }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('custom' as const), steps: fc.array(customStep, { minLength: 1, maxLength: 6 }), cut, again }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('erase' as const), email }) },
);
export const scenario: fc.Arbitrary<Phase[]> = fc.array(phase, { minLength: 2, maxLength: 6 });

export const address = (name: string, e: string) => `${e}-${name}@model.io`;
export const named = (name: string, id: string | null | undefined) => (id == null ? null : `${id}-${name}`);

function profileOp(name: string, step: ProfileStep): Op {
  const to = address(name, step.email);
  if (step.op === 'change') return { op: 'change_email', email: to, new_email: address(name, step.to) };
  if (step.op === 'set') return { op: 'membership', email: to, list_ids: [step.list], decision: { type: 'set', status: step.status } };
  if (step.op === 'remove') return { op: 'membership', email: to, list_ids: [step.list], decision: { type: 'remove' } };
  return {
    op: 'upsert',
    patch: patch(to, step.n === undefined ? {} : { custom_number_1: step.n }, {
      ...(step.ext === undefined ? {} : { external_id: named(name, step.ext) }),
      ...(step.created ? { created_at: step.created } : {}),
    }),
    ...(step.lists ? { list_ids: step.lists } : {}),
    ...(step.confirmed === undefined ? {} : { confirmed: step.confirmed }),
    ...(step.byId ? { identify_by: 'external_id' } : {}),
  };
}

function eventOp(name: string, step: EventStep): Op {
  return {
    event: {
      kind: step.kind,
      ...(step.id ? { id: `${step.id}-${name}` } : {}),
      ...(step.email ? { email: address(name, step.email) } : { external_id: named(name, step.ext) ?? '' }),
      ...(step.list ? { list_id: step.list } : {}),
      ...(step.kind === 'bounce_email' ? { properties: { bounce_type: 'permanent' } } : {}),
    },
  };
}

function customOp(name: string, step: CustomStep): Op {
  return {
    event: {
      event_name: 'model',
      external_id: `${step.key}-${name}`,
      ...(step.email ? { email: address(name, step.email) } : { contact_external_id: named(name, step.ext) ?? '' }),
      properties: { n: step.n },
      ...(step.deleted ? { deleted_at: '2024-01-01T00:00:00.000Z' } : {}),
    },
  };
}

/** The items of a phase, each with its queue; `name` keeps the keys of one scenario apart from all others. */
export function itemsOf(p: Pipeline, name: string, lane: number, phase: SentPhase): { ref: QueueRef; op: Op }[] {
  if (phase.type === 'profiles') return phase.steps.map((step) => ({ ref: { kind: 'profile', lane }, op: profileOp(name, step) }));
  if (phase.type === 'events') return phase.steps.map((step) => ({ ref: { kind: 'timeline' }, op: eventOp(name, step) }));
  return phase.steps.map((step) => {
    const key = `model\0${step.key}-${name}`;
    return { ref: { kind: 'custom_event', lane: laneOf(p.workspaceId, key, LANES) }, op: customOp(name, step) };
  });
}
