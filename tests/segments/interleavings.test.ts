/**
 * What else can happen between two points of a step: time passes, somebody changes a definition, Redis or a connection is lost, another
 * evaluator takes over while this one sleeps. Each is made to happen exactly there, with evaluators inside the test process.
 */
import { sleep } from '@muster/runtime';
import { describe, expect, test } from 'vitest';
import { until } from '../support/pipeline.ts';
import { and, atLeast, days, did, inSegment, none, onList, or, says, type Tenant } from './support.ts';
import { Crash, type Evaluator, gate, once, stepBeside, useInside } from './support-inside.ts';

const made = useInside({ env: { MUSTER_ERASURE_SETTLE_SECONDS: '1', MUSTER_SWEEP_SECONDS: '1' } });

const A = 'a@x.io';
const B = 'b@x.io';
const C = 'c@x.io';
const D = 'd@x.io';

/** A workspace in which these contacts say x, others say y, and an evaluator of it. */
async function open(sayX: readonly string[], sayY: readonly string[] = []): Promise<[Tenant, Evaluator]> {
  const tenant = await made.stack.open();
  const saying = (emails: readonly string[], first_name: string) => emails.map((email) => ({ email, first_name }));
  await tenant.upsertAll([...saying(sayX, 'x'), ...saying(sayY, 'y')]);
  await tenant.delivered();
  return [tenant, made.inside.evaluator(tenant.id)];
}

async function say(tenant: Tenant, said: Readonly<Record<string, string>>): Promise<void> {
  await tenant.upsertAll(Object.entries(said).map(([email, first_name]) => ({ email, first_name })));
  await tenant.delivered();
}

describe('edges of windows', () => {
  /**
   * An evaluator that switches to `w` a moment before A leaves it, which is its only edge for a long time; `then` happens at the end of
   * the step that switches.
   */
  async function edgeAfterSwitch(then: (after: number, evaluator: Evaluator) => void): Promise<[Tenant, Evaluator]> {
    const [tenant, evaluator] = await open([]);
    const edge = Date.now() - 10_000;
    await tenant.happened('open_email', [A], edge - 3_600_000);
    await tenant.happened('open_email', [B], edge - 1_000_000);
    await tenant.delivered();
    await tenant.define({ w: did('open_email', 'at_least', 1, 'in_the_last_days', days(3_600)) });
    evaluator.now = edge - 100;
    let switched = false;
    evaluator.hook = (point) => {
      if (point === 'segmenter.set_stored') switched = true;
      if (point !== 'segmenter.committed' || !switched) return;
      evaluator.hook = () => undefined;
      then(edge + 100, evaluator);
    };
    return [tenant, evaluator];
  }

  test('one that passes between the switch and the next step', async () => {
    const [tenant, evaluator] = await edgeAfterSwitch((after, switching) => {
      switching.now = after;
    });
    await evaluator.settle();
    evaluator.now = null;
    await made.inside.attend(evaluator, 2_000);
    await tenant.right({ w: [B] }, { withinMs: 1 });
  });

  test('one that passes after the evaluator of the switch died', async () => {
    const [tenant, evaluator] = await edgeAfterSwitch(() => {
      throw new Crash();
    });
    expect(await evaluator.settle()).toBe('crashed');
    await made.inside.expireLease(tenant.id);
    await made.inside.attend(made.inside.evaluator(tenant.id), 2_000);
    await tenant.right({ w: [B] }, { withinMs: 1 });
  });

  test('an event younger than the step that reads it, while more is to be done', async () => {
    const [tenant, evaluator] = await open([], [A, B]);
    await tenant.define({
      w: did('open_email', 'at_least', 1, 'in_the_last_days', '1'),
      x: says('first_name', 'x'),
      also_x: inSegment('x'),
    });
    await evaluator.settle();
    const step = Date.now();
    // Accepted while the step was beginning, and marked before it read the marks.
    await tenant.happened('open_email', [A], step + 200);
    await say(tenant, { [B]: 'x' });
    evaluator.now = step;
    await evaluator.step();
    evaluator.now = step + 400;
    await evaluator.settle();
    evaluator.now = null;
    await made.inside.attend(evaluator, 4_000);
    await tenant.right({ w: [A], x: [B], also_x: [B] }, { withinMs: 1 });
  });
});

describe('changes during builds, from the end of the reading to the switch', () => {
  test('contacts, events, memberships, new and erased contacts, in both directions', async () => {
    const gone = 'gone@x.io';
    const [tenant, evaluator] = await open([A, B, gone], [C]);
    await tenant.list('l');
    await tenant.upsert('l@x.io', {}, ['l']);
    await tenant.happened('open_email', [C]);
    await tenant.delivered();
    await tenant.define({
      x: says('first_name', 'x'),
      not_x: none(says('first_name', 'x')),
      listed: onList('l'),
      twice: did('open_email', 'at_least', 2),
    });
    const held = gate();
    let staged = 0;
    evaluator.hook = async (point) => {
      if (point !== 'segmenter.staged') return;
      staged += 1;
      await held.passed;
    };
    const work = made.inside.attend(evaluator, 4_000);
    await until('everything staged', async () => staged === 4);
    await say(tenant, { [A]: 'y', [C]: 'x', [D]: 'x' });
    await tenant.happened('open_email', [C, 'e@x.io']);
    await tenant.call('contactLists.removeContact', { email: 'l@x.io', list_id: 'l' });
    await tenant.call('contactLists.subscribe', { email: A, list_id: 'l' });
    await tenant.call('contacts.delete', { email: gone });
    await tenant.delivered();
    await sleep(500);
    held.open();
    await work;
    await tenant.right({ x: [B, C, D], not_x: [A, 'e@x.io', 'l@x.io'], listed: [A], twice: [C] }, { withinMs: 1, erased: true });
  });

  test.each(['requested', 'audit'] as const)('a segment that is referred to moves in the very step that switches (%s)', async (reason) => {
    const [tenant, evaluator] = await open([A, B], [C]);
    await tenant.define({ x: says('first_name', 'x'), not_x: inSegment('x', 'not_in') });
    await evaluator.settle();
    await tenant.rebuild('not_x', reason);
    await stepBeside(evaluator);
    await say(tenant, { [A]: 'y', [C]: 'x' });
    // The step before has only switched: this one takes marks and switches.
    evaluator.memory.previous = 'switched';
    await evaluator.step();
    await evaluator.settle();
    await tenant.right({ x: [B, C], not_x: [A] }, { withinMs: 1 });
    const { rows } = await tenant.pool.query('SELECT audit_drift FROM segments WHERE workspace_id = $1 AND audit_drift > 0', [tenant.id]);
    expect(rows, 'found by an audit').toEqual([]);
  });

  test('Redis loses the marks of what changed', async () => {
    const [tenant, evaluator] = await open([A]);
    await tenant.define({ x: says('first_name', 'x') });
    await evaluator.settle();
    await tenant.rebuild('x');
    const build = once(evaluator, 'staged', async () => {
      await say(tenant, { [B]: 'x' });
      await made.inside.redis.flushall();
    });
    await evaluator.step();
    await until(
      'the build',
      async () => build.met && evaluator.memory.builds.size === 1 && [...evaluator.memory.builds.values()][0]?.outcome,
    );
    await evaluator.settle();
    await tenant.upsert(C, { first_name: 'x' });
    await made.inside.attend(evaluator, 3_000);
    await tenant.right({ x: [A, B, C] }, { withinMs: 1 });
  });
});

describe('definitions', () => {
  test('deleted while a rebuild without a difference switches: everybody leaves all the same', async () => {
    const [tenant, evaluator] = await open([A]);
    await tenant.define({ x: says('first_name', 'x') });
    await evaluator.settle();
    await tenant.rebuild('x');
    once(evaluator, 'set_stored', () => tenant.remove('x'));
    await evaluator.settle();
    await made.inside.attend(evaluator, 500);
    await tenant.right({ x: null }, { withinMs: 1 });
  });

  test('who stays in a segment that refers to another one makes no entries', async () => {
    const [tenant, evaluator] = await open([A]);
    await tenant.define({ y: says('first_name', 'y'), either: or(says('first_name', 'x'), inSegment('y')) });
    await evaluator.settle();
    await say(tenant, { [A]: 'y' });
    await evaluator.settle();
    await tenant.right({ y: [A], either: [A] }, { withinMs: 1 });
    const moves = await tenant.rows('SELECT segment_uid, state FROM segment_flips FINAL WHERE workspace_id = {ws:UInt32}');
    expect(moves, 'one join of each').toHaveLength(2);
  });

  test('a chain of three: the middle edited, the first rebuilt with a big difference', async () => {
    const people = Array.from({ length: 300 }, (_, n) => ({
      email: `m${n}@x.io`,
      first_name: n % 2 === 1 ? 'x' : 'y',
      custom_number_1: n,
    }));
    const of = (match: (n: number) => boolean) => people.filter((p) => match(p.custom_number_1)).map((p) => p.email);
    const [tenant, evaluator] = await open([]);
    await tenant.upsertAll(people);
    await tenant.delivered();
    // In the order in which they wait for each other.
    await tenant.define({
      c: inSegment('b', 'not_in'),
      b: and(inSegment('a'), atLeast('custom_number_1', 100)),
      a: says('first_name', 'x'),
    });
    await evaluator.settle();
    const odd = (n: number) => n % 2 === 1;
    await tenant.right({ a: of(odd), b: of((n) => odd(n) && n >= 100), c: of((n) => !odd(n) || n < 100) }, { withinMs: 1 });
    await tenant.edit('b', and(inSegment('a'), atLeast('custom_number_1', 200)));
    await tenant.edit('a', says('first_name', 'y'));
    await evaluator.settle();
    const even = (n: number) => n % 2 === 0;
    await tenant.right({ a: of(even), b: of((n) => even(n) && n >= 200), c: of((n) => odd(n) || n < 200) }, { withinMs: 1 });
  });
});

describe('what is lost', () => {
  test('a step is committed, and its end fails: the next one knows what was committed', async () => {
    const [tenant, evaluator] = await open([A]);
    await tenant.define({ x: says('first_name', 'x') });
    let switched = false;
    evaluator.hook = (point) => {
      if (point === 'segmenter.set_stored') switched = true;
      if (point !== 'segmenter.committed' || !switched) return;
      evaluator.hook = () => undefined;
      throw new Error('Redis is away');
    };
    await expect(evaluator.settle()).rejects.toThrow('Redis is away');
    await made.inside.attend(evaluator, 1_500);
    await tenant.right({ x: [A] }, { withinMs: 1 });
  });

  test('Redis loses everything: right again after the next change', async () => {
    const [tenant, evaluator] = await open([A]);
    await tenant.define({ x: says('first_name', 'x') });
    await evaluator.settle();
    await made.inside.redis.flushall();
    await say(tenant, { [B]: 'x' });
    await made.inside.attend(evaluator, 5_000);
    await tenant.right({ x: [A, B] }, { withinMs: 1 });
  });

  test('a member of a failed segment is erased: nobody shows it, and the erasure comes to its end', async () => {
    const [tenant] = await open([A, B]);
    await tenant.define({ x: says('first_name', 'x') });
    await made.inside.evaluator(tenant.id).settle();
    await made.inside.expireLease(tenant.id);
    await tenant.pool.query(`UPDATE segments SET status = 'failed', error = 'tree: it takes too long' WHERE workspace_id = $1`, [
      tenant.id,
    ]);
    await tenant.call('contacts.delete', { email: A });
    const swept = async () =>
      (await tenant.pool.query('SELECT swept_at IS NOT NULL AS swept FROM erasures WHERE workspace_id = $1', [tenant.id])).rows;
    const evaluator = made.inside.evaluator(tenant.id);
    // The sweep comes every few seconds: once to say that somebody is gone, once to find nothing left.
    for (let n = 0; n < 40 && (await swept())[0]?.swept !== true; n += 1) await made.inside.attend(evaluator, 1_000);
    expect(await swept()).toEqual([{ swept: true }]);
    expect(await tenant.members(['x'])).toEqual({ x: [B] });
  }, 90_000);
});

describe('an evaluator that sleeps in the middle of a step, while another one takes over', () => {
  test.each(['begun', 'evaluated', 'flips_written', 'dependents_marked', 'set_stored'])('at %s', async (point) => {
    const [tenant, first] = await open([A, B], [C]);
    await tenant.define({ x: says('first_name', 'x'), not_x: inSegment('x', 'not_in') });
    await first.settle();
    if (point === 'set_stored') await tenant.rebuild('x');
    await say(tenant, { [A]: 'y', [C]: 'x' });
    const held = gate();
    const sleeping = once(first, point, () => held.passed);
    const zombie = first.settle().then(String, String);
    await until(`sleeping at ${point}`, async () => sleeping.met);
    await made.inside.expireLease(tenant.id);
    const second = made.inside.evaluator(tenant.id);
    await second.settle();
    await tenant.right({ x: [B, C], not_x: [A] }, { withinMs: 1 });
    await say(tenant, { [A]: 'x', [C]: 'y' });
    held.open();
    expect(await zombie).toContain('LostLeaseError');
    await second.settle();
    await tenant.right({ x: [A, B], not_x: [C] }, { withinMs: 1 });
    // It may be the evaluator again.
    await made.inside.expireLease(tenant.id);
    await say(tenant, { [D]: 'x' });
    await first.settle();
    await tenant.right({ x: [A, B, D], not_x: [C] }, { withinMs: 1 });
  });
});
