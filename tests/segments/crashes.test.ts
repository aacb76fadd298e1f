/**
 * An evaluator ends at every point of a step, in the middle of everything that can be going on, and another one that knows nothing takes
 * over: members, counts, days and logs are exactly right. Inside the test process, so that every pair is tried in little time.
 */
import { sleep } from '@muster/runtime';
import { describe, expect, test } from 'vitest';
import { until } from '../support/pipeline.ts';
import { did, type Expected, inSegment, none, says, type Tenant } from './support.ts';
import { Crash, type Evaluator, useInside } from './support-inside.ts';

const made = useInside();

const STEP = ['begun', 'evaluated', 'flips_written', 'dependents_marked', 'committed'];
const SWITCH = ['set_stored', 'log_written'];
const BUILD = ['staged', ...SWITCH];

type Scenario = { points: string[]; act: (tenant: Tenant) => Promise<void>; expected: Expected };
/** Before: a and b say x, c says y. `x`, `not_x` (refers to it), `read` (opened something) and `rest` (neither said x nor opened). */
const BEFORE: Expected = { x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: ['b@x.io'], rest: ['c@x.io'] };
const SCENARIOS: Record<string, Scenario> = {
  'joins and leaves': {
    points: STEP,
    act: async (tenant) => {
      await tenant.upsertAll([
        { email: 'a@x.io', first_name: 'y' },
        { email: 'c@x.io', first_name: 'x' },
        { email: 'd@x.io', first_name: 'x' },
        { email: 'e@x.io' },
      ]);
      await tenant.happened('open_email', ['a@x.io']);
    },
    expected: {
      x: ['b@x.io', 'c@x.io', 'd@x.io'],
      not_x: ['a@x.io', 'e@x.io'],
      read: ['a@x.io', 'b@x.io'],
      rest: ['e@x.io'],
    },
  },
  'first builds': {
    points: [...STEP, ...BUILD],
    act: (tenant) => tenant.define({ y: says('first_name', 'y'), not_y: inSegment('y', 'not_in') }),
    expected: { ...BEFORE, y: ['c@x.io'], not_y: ['a@x.io', 'b@x.io'] },
  },
  'an edit': {
    points: [...STEP, ...BUILD],
    act: (tenant) => tenant.edit('x', says('first_name', 'y')),
    expected: { ...BEFORE, x: ['c@x.io'], not_x: ['a@x.io', 'b@x.io'], rest: ['a@x.io'] },
  },
  'a deletion': {
    points: [...STEP, ...SWITCH],
    act: (tenant) => tenant.remove('rest'),
    expected: { ...BEFORE, rest: null },
  },
};

/** The evaluator dies where the point is met first: whatever of it still runs gets no further than its next point. */
function dieAt(evaluator: Evaluator, point: string): () => boolean {
  let dead = false;
  evaluator.hook = (met) => {
    dead ||= met === `segmenter.${point}`;
    if (dead) throw new Crash();
  };
  return () => dead;
}

describe.each(Object.entries(SCENARIOS))('during %s', (_, { points, act, expected }) => {
  test.concurrent.each(points)('the evaluator dies at %s', async (point) => {
    const tenant = await made.stack.open();
    await tenant.upsertAll([
      { email: 'a@x.io', first_name: 'x' },
      { email: 'b@x.io', first_name: 'x' },
      { email: 'c@x.io', first_name: 'y' },
    ]);
    await tenant.happened('open_email', ['b@x.io']);
    await tenant.delivered();
    await tenant.define({ x: says('first_name', 'x'), not_x: inSegment('x', 'not_in'), read: did('open_email', 'at_least', 1) });
    await tenant.define({ rest: none(inSegment('x'), did('open_email', 'at_least', 1)) });
    const first = made.inside.evaluator(tenant.id);
    await first.settle();
    await tenant.right(BEFORE, { withinMs: 1 });

    await act(tenant);
    await tenant.delivered();
    const died = dieAt(first, point);
    await until(`dying at ${point}`, async () => {
      await first.settle();
      await sleep(10);
      return died();
    });
    await made.inside.expireLease(tenant.id);
    const second = made.inside.evaluator(tenant.id);
    await made.inside.attend(second, 300);
    await tenant.right(expected, { withinMs: 1 });
    expect(await made.inside.asked(tenant.id), 'nothing is left to do').toBe(false);
  });
});
