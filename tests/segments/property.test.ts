/**
 * "Preview, full build and incremental update must agree for every tree and every data set": random trees over random worlds that come
 * about step by step, on the real stores, held against the reference evaluator at every step.
 *
 * A case is one tree at one moment of one history. FUZZ_CASES sets how many, FUZZ_SEED where the random ones begin.
 */
import { evaluate } from '@muster/segments/reference';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type History, historyArbitrary } from './history.ts';
import { type Definition, type Lab, startLab } from './lab.ts';

const CASES = Number(process.env.FUZZ_CASES ?? 2_000);
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
const TREES = 47;
const CHECKPOINTS = 5;
const HISTORIES = Math.ceil(CASES / ((TREES + 3) * CHECKPOINTS));

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

let checked = 0;
let members = 0;

async function holds({ definitions, checkpoints }: History): Promise<void> {
  const workspace = await lab.open();
  const [first] = checkpoints;
  if (!first) return;
  lab.setNow(first.now);
  await workspace.define(definitions.slice(0, 3));
  await workspace.write(first.batch);
  await workspace.define(definitions.slice(3));
  for (const [n, { now, batch, world }] of checkpoints.entries()) {
    lab.setNow(now);
    if (n > 0) await workspace.write(batch);
    await workspace.settle();
    const rows = await workspace.rows();
    const stored = await workspace.members(rows);
    const sets = await workspace.sets(rows);
    const contacts = world.contacts.map((c) => c.contact_id);
    const everybody = await workspace.preview(definitions, now, sets, null);
    const some = await workspace.preview(definitions, now, sets, contacts);
    for (const [d, { id, tree, timezone }] of definitions.entries()) {
      const expected = [...evaluate(tree, world, { now, timezone })].sort((a, b) => a - b);
      const found = {
        stored: stored.get(id),
        preview: everybody[d],
        restricted: some[d],
        count: rows.find((r) => r.segment_id === id)?.users_count,
      };
      const wanted = { stored: expected, preview: expected, restricted: expected, count: expected.length };
      if (JSON.stringify(found) !== JSON.stringify(wanted))
        expect(found, `step ${n} at ${new Date(now).toISOString()} in ${timezone}: ${JSON.stringify(tree)}`).toEqual(wanted);
      checked += 1;
      if (expected.length > 0 && expected.length < contacts.length) members += 1;
    }
  }
}

test(
  `${CASES.toLocaleString('en-US')} cases: preview = build = incremental = reference`,
  async () => {
    const property = fc.asyncProperty(historyArbitrary({ trees: TREES, checkpoints: CHECKPOINTS }), holds);
    await fc.assert(property, {
      numRuns: HISTORIES,
      ...(SEED === undefined ? {} : { seed: SEED }),
      endOnFailure: process.env.FUZZ_SHRINK === undefined,
    });
    expect(checked).toBeGreaterThanOrEqual(CASES);
    // Trees that everybody or nobody matches prove little.
    expect(members / checked).toBeGreaterThan(0.2);
  },
  Math.max(300_000, CASES * 100),
);

test('filters on goal values compare doubles: beyond the range of the column, and with more digits than a double', async () => {
  const now = Date.parse('2026-06-15T12:00:00.000Z');
  const values = ['12345678901234.5678', '999999999999999', '-0.0001', '0', '0.3'];
  const asked = [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 1e34, Number('12345678901234.5678'), 999_999_999_999_999, 0.3, -0];
  const filters = [
    asked.map((n) => ({ operator: 'equals' as const, number_values: [n] })),
    [{ operator: 'not_equals' as const, number_values: asked }],
    (['gt', 'gte', 'lt', 'lte'] as const).flatMap((operator) => asked.map((n) => ({ operator, number_values: [n] }))),
  ].flat();
  const definitions = filters.map((filter, n): Definition => {
    const goal_value = { field_name: 'goal_value', field_type: 'number' as const, ...filter };
    const goal = { goal_type: 'purchase' as const, aggregate_operator: 'count' as const, operator: 'gte' as const, value: 1 };
    const leaf = { source: 'custom_events_goals' as const, custom_events_goal: { ...goal, filters: [goal_value] } };
    return { id: `goal_${n}`, timezone: 'UTC', tree: { kind: 'leaf', leaf } };
  });
  const contacts = [...values, null].map((_, n) => ({
    ...{ contact_id: n + 1, email: `c${n}@example.com`, external_id: null, created_at: now - 1, updated_at: now - 1, fields: {} },
  }));
  const customEvents = values.map((goal_value, n) => ({
    ...{ event_name: 'order', external_id: `x${n}`, contact_id: n + 1, goal_type: 'purchase', goal_value },
    ...{ occurred_at: now - 1, accepted_at: now * 1000 + n, ord: 0, deleted_at: null, version: 1 },
  }));
  const batch = { contacts, memberships: [], events: [], customEvents, erased: [] };
  await holds({ definitions, checkpoints: [{ now, batch, world: { ...batch, segments: new Map() } }] });
}, 60_000);
