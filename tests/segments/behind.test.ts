/** An evaluator that has more to do than it gets done: what waits is late, never forgotten and never called wrong. */
import { markTouched, readTouched } from '@muster/queues';
import { sleep } from '@muster/runtime';
import { expect, test } from 'vitest';
import { days, did, says } from './support.ts';
import { type Evaluator, gate, once, stepBeside, useInside } from './support-inside.ts';

const made = useInside();

/** How many contacts are marked under each name when the next step has evaluated them; filled in by then. */
function marksOfNextStep(evaluator: Evaluator): Record<string, number> {
  const counts: Record<string, number> = {};
  once(evaluator, 'evaluated', async () => {
    const { marks } = await readTouched(made.inside.redis, evaluator.workspaceId, 100);
    for (const { dependency, contacts } of marks) counts[dependency] = contacts.length;
  });
  return counts;
}

test('an audit of an evaluator that is far behind calls only those wrong who are not marked', async () => {
  const tenant = await made.stack.open();
  const emails = Array.from({ length: 80 }, (_, n) => `${n}@x.io`);
  await tenant.upsertAll(emails.map((email) => ({ email, first_name: 'y' })));
  await tenant.upsert('in@x.io', { first_name: 'x' });
  await tenant.delivered();
  await tenant.define({ x: says('first_name', 'x') });
  const evaluator = made.inside.evaluator(tenant.id);
  await evaluator.settle();
  await tenant.right({ x: ['in@x.io'] }, { withinMs: 1 });

  await tenant.upsertAll(emails.map((email) => ({ email, first_name: 'x' })));
  await tenant.delivered();
  evaluator.memory.contactsPerStep = 1;
  const audited = async (): Promise<number> => {
    await tenant.rebuild('x', 'audit');
    const since = Date.now();
    for (;;) {
      await evaluator.step();
      const { rows } = await tenant.pool.query<{ audit_drift: string; audited_at: Date | null }>(
        'SELECT audit_drift, audited_at FROM segments WHERE workspace_id = $1',
        [tenant.id],
      );
      const [row] = rows;
      if (row?.audited_at && row.audited_at.getTime() >= since) return Number(row.audit_drift);
      await sleep(2);
    }
  };
  expect(await audited(), 'all who differ are marked').toBe(0);
  expect((await tenant.members()).x?.length, 'it is still behind').toBeLessThan(81);
  // The mirror changes, and nobody marks it.
  await made.stack.pipeline.clickhouse.command({
    query: `INSERT INTO contacts SELECT * REPLACE('y' AS first_name, version + 1 AS version) FROM contacts FINAL
      WHERE workspace_id = {ws:UInt32} AND email = 'in@x.io'`,
    query_params: { ws: tenant.id },
  });
  expect(await audited(), 'one is not').toBe(1);
  evaluator.memory.contactsPerStep = 1_000;
  await evaluator.settle();
  await tenant.right({ x: emails }, { withinMs: 1 });
}, 60_000);

test('an edge that is due when a step only switches is looked for in the next one', async () => {
  const tenant = await made.stack.open();
  const edge = Date.now() - 10_000;
  await tenant.happened('open_email', ['a@x.io'], edge - 3_600_000);
  await tenant.delivered();
  const recent = did('open_email', 'at_least', 1, 'in_the_last_days', days(3_600));
  await tenant.define({ recent, named: says('first_name', 'x') });
  const evaluator = made.inside.evaluator(tenant.id);
  evaluator.now = edge - 100;
  await evaluator.settle();
  await tenant.right({ recent: ['a@x.io'], named: [] }, { withinMs: 1 });

  await tenant.rebuild('named');
  await stepBeside(evaluator);
  evaluator.now = edge + 100;
  evaluator.memory.previous = 'evaluated';
  await evaluator.step();
  expect(evaluator.memory.previous, 'the step only switched').toBe('switched');
  evaluator.now = edge + 200;
  await evaluator.step();
  await tenant.right({ recent: [], named: [] }, { withinMs: 1 });
});

test('a window ends while only one order of the timeline has the entry: who is in for it leaves when the other one has it, too', async () => {
  const tenant = await made.stack.open();
  await tenant.upsert('a@x.io');
  await tenant.delivered();
  await tenant.define({ recent: did('open_email', 'at_least', 1, 'in_the_last_days', days(3_600)) });
  const evaluator = made.inside.evaluator(tenant.id);
  const edge = Date.now();
  evaluator.now = edge - 1_000;
  await evaluator.settle();
  const { rows } = await tenant.pool.query<{ contact_id: number }>('SELECT contact_id FROM contacts WHERE workspace_id = $1', [tenant.id]);
  const contact = rows[0]?.contact_id ?? 0;
  await made.stack.pipeline.clickhouse.command({
    query: `INSERT INTO timeline_by_contact (workspace_id, kind, contact_id, occurred_at, id)
      SELECT {ws:UInt32}, 'open_email', {contact:UInt32}, fromUnixTimestamp64Milli({ms:Int64}, 'UTC'), 'e'`,
    query_params: { ws: tenant.id, contact, ms: edge - 3_600_000 },
  });
  await markTouched(made.inside.redis, tenant.id, new Map([['contact', new Set([contact])]]));
  await evaluator.settle();
  await tenant.right({ recent: ['a@x.io'] }, { withinMs: 1 });

  evaluator.now = edge + 1_000;
  await evaluator.settle();
  await tenant.happened('open_email', ['a@x.io'], edge - 3_600_000);
  await tenant.delivered();
  await evaluator.settle();
  await tenant.right({ recent: [] }, { withinMs: 1 });
});

test('whose entry has just come is looked at like one with a new entry, and only whose entry left a window like one who can leave', async () => {
  const tenant = await made.stack.open();
  const edge = Date.now();
  await tenant.happened('open_email', ['old@x.io'], edge - 3_600_000);
  await tenant.happened('open_email', ['new@x.io'], edge);
  await tenant.delivered();
  await tenant.define({ recent: did('open_email', 'at_least', 1, 'in_the_last_days', days(3_600)) });
  const evaluator = made.inside.evaluator(tenant.id);
  evaluator.now = edge - 1_000;
  await evaluator.settle();
  await tenant.right({ recent: ['old@x.io'] }, { withinMs: 1 });

  evaluator.now = edge + 1_000;
  const marked = marksOfNextStep(evaluator);
  await evaluator.settle();
  expect(marked).toEqual({ 'kind:open_email': 1, 'window:kind:open_email': 1 });
  await tenant.right({ recent: ['new@x.io'] }, { withinMs: 1 });
});

test.each([
  { since: 'before', ms: -200, marked: { 'kind:open_email': 1 } },
  { since: 'after', ms: 200, marked: {} },
])('who was evaluated $since an activity began is marked again when it has begun, if that was too early', async ({ ms, marked }) => {
  const tenant = await made.stack.open();
  await tenant.upsert('a@x.io');
  await tenant.delivered();
  await tenant.define({ recent: did('open_email', 'at_least', 1, 'in_the_last_days', days(3_600)) });
  const evaluator = made.inside.evaluator(tenant.id);
  const began = Date.now() + 1_000;
  evaluator.now = began - 1_000;
  await evaluator.settle();
  await tenant.happened('open_email', ['a@x.io'], began);
  await tenant.delivered();
  evaluator.now = began + ms;
  await evaluator.step();
  await tenant.right({ recent: ms > 0 ? ['a@x.io'] : [] }, { withinMs: 1 });

  evaluator.now = began + 2_000;
  const found = marksOfNextStep(evaluator);
  await evaluator.step();
  expect(found).toEqual(marked);
  await tenant.right({ recent: ['a@x.io'] }, { withinMs: 1 });
});

/** A segment, and an evaluator that has to look at somebody who joins it. */
async function somebodyWaits() {
  const tenant = await made.stack.open();
  await tenant.upsert('a@x.io', { first_name: 'y' });
  await tenant.delivered();
  await tenant.define({ x: says('first_name', 'x'), y: says('first_name', 'y') });
  const evaluator = made.inside.evaluator(tenant.id);
  await evaluator.settle();
  await tenant.upsert('a@x.io', { first_name: 'x' });
  await tenant.delivered();
  const waiting = async (): Promise<number> => (await readTouched(made.inside.redis, tenant.id, 100)).marks.length;
  return { tenant, evaluator, waiting };
}

test('who asks for a build does not wait for an evaluation, whose marks stay for the step after the switch', async () => {
  const { tenant, evaluator, waiting } = await somebodyWaits();
  once(evaluator, 'begun', () => tenant.rebuild('y'));
  await evaluator.step();
  expect(evaluator.memory.previous).toBe('interrupted');
  expect(await waiting(), 'marks').toBeGreaterThan(0);
  expect(await tenant.members()).toEqual({ x: [], y: ['a@x.io'] });

  await evaluator.step();
  expect(evaluator.memory.previous).toBe('switched');
  expect(await waiting(), 'marks').toBeGreaterThan(0);
  expect(await tenant.members()).toEqual({ x: [], y: [] });

  await evaluator.step();
  expect(evaluator.memory.previous).toBe('evaluated');
  expect(await waiting(), 'marks').toBe(0);
  expect(await tenant.members()).toEqual({ x: ['a@x.io'], y: [] });
});

test('an evaluation that has been held up for long is not interrupted, and goes on beside a build that takes long', async () => {
  const { tenant, evaluator, waiting } = await somebodyWaits();
  evaluator.memory.evaluatedAt = performance.now() - 60_000;
  const held = gate();
  evaluator.hook = async (point) => {
    if (point === 'segmenter.begun' && evaluator.memory.builds.size === 0) await tenant.rebuild('y');
    if (point === 'segmenter.staged') await held.passed;
  };
  await evaluator.step();
  expect(evaluator.memory.previous).toBe('evaluated');
  expect(await waiting(), 'marks').toBe(0);
  expect(await tenant.members()).toEqual({ x: ['a@x.io'], y: [] });

  await evaluator.step();
  expect(evaluator.memory.builds.size, 'builds').toBe(1);
  await tenant.upsert('a@x.io', { first_name: 'z' });
  await tenant.delivered();
  await evaluator.step();
  expect(await tenant.members()).toEqual({ x: [], y: [] });
  evaluator.hook = () => undefined;
  held.open();
  await evaluator.settle();
  expect(await tenant.members()).toEqual({ x: [], y: [] });
});

test('a day begins while an audit is under way: the segment is computed anew, and nobody is called wrong', async () => {
  const tenant = await made.stack.open();
  const midnight = Date.parse('2027-03-02T00:00:00.000Z');
  await tenant.upsert('a@x.io', { custom_datetime_1: '2001-03-02T12:00:00Z' });
  await tenant.upsert('b@x.io', { custom_datetime_1: '2001-03-03T12:00:00Z' });
  await tenant.delivered();
  const filter = { field_name: 'custom_datetime_1', field_type: 'time' as const, operator: 'anniversary_in_the_next_days' as const };
  await tenant.define({
    soon: { kind: 'leaf', leaf: { source: 'contacts', contact: { filters: [{ ...filter, string_values: ['1'] }] } } },
  });
  const evaluator = made.inside.evaluator(tenant.id);
  evaluator.now = midnight - 1_000;
  await evaluator.settle();
  await tenant.right({ soon: ['a@x.io'] }, { withinMs: 1 });

  await tenant.rebuild('soon', 'audit');
  const held = gate();
  evaluator.hook = async (point) => {
    if (point === 'segmenter.staged') await held.passed;
  };
  await evaluator.step();
  evaluator.now = midnight + 1_000;
  await evaluator.step();
  evaluator.hook = () => undefined;
  held.open();
  await evaluator.settle();
  await tenant.right({ soon: ['a@x.io', 'b@x.io'] }, { withinMs: 1 });
  const { rows } = await tenant.pool.query('SELECT audit_drift FROM segments WHERE workspace_id = $1', [tenant.id]);
  expect(rows).toEqual([{ audit_drift: null }]);
});

test('a step that slept while others took over teaches nothing to the one that runs beside it when it wakes', async () => {
  const tenant = await made.stack.open();
  await tenant.upsert('a@x.io', { first_name: 'y' });
  await tenant.delivered();
  await tenant.define({ x: says('first_name', 'x') });
  const evaluator = made.inside.evaluator(tenant.id);
  await evaluator.settle();
  const becomes = async (first_name: string): Promise<void> => {
    await tenant.upsert('a@x.io', { first_name });
    await tenant.delivered();
  };
  const begun = [gate(), gate()];
  const awake = gate();
  const read = gate();
  const end = gate();
  let [steps, ends] = [0, 0];
  evaluator.hook = async (point) => {
    if (point === 'segmenter.begun') {
      awake.open();
      await begun[steps++]?.passed;
    }
    // The first to come here is the one that slept: by then it has read the members as they were when it began.
    if (point !== 'segmenter.evaluated' || ends++ > 0) return;
    read.open();
    await end.passed;
  };
  await becomes('x');
  const asleep = evaluator.step();
  await awake.passed;
  await made.inside.expireLease(tenant.id);
  await made.inside.evaluator(tenant.id).settle();
  await tenant.right({ x: ['a@x.io'] }, { withinMs: 1 });

  await becomes('y');
  await made.inside.expireLease(tenant.id);
  const beside = evaluator.step();
  while (steps < 2) await sleep(2);
  begun[0]?.open();
  await read.passed;
  begun[1]?.open();
  await beside;
  end.open();
  await expect(asleep).rejects.toThrow();
  await tenant.right({ x: [] }, { withinMs: 1 });
}, 30_000);
