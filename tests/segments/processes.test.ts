/**
 * Segmenters as processes: killed between the stores, frozen, down while an edge passes, short of memory, idle. What one process
 * does alone in every order is in crashes.test.ts and interleavings.test.ts.
 */
import type { ServiceHandle } from '@muster/embedded';
import { sleep } from '@muster/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultPoints, working } from '../support/faults.ts';
import { until } from '../support/pipeline.ts';
import { and, days, did, type Expected, inSegment, none, type Stack, says, startSegmentStack, type Tenant } from './support.ts';

/** Between the stores; crashes.test.ts has every point. */
const POINTS = ['flips_written', 'committed', 'set_stored'].map((point) => `segmenter.${point}`);

let stack: Stack;
beforeAll(async () => {
  stack = await startSegmentStack();
}, 120_000);
afterAll(() => stack?.close());

async function segmenter(name: string, env: Record<string, string> = {}, restart = true): Promise<ServiceHandle> {
  const handle = await stack.pipeline.stack.spawnService('segmenter', { name, env, restart });
  await working(handle);
  return handle;
}

/** Runs with these processes and ends them. */
async function withSegmenters(handles: Promise<ServiceHandle>[], run: (first: ServiceHandle) => Promise<void>): Promise<void> {
  const running = await Promise.all(handles);
  try {
    if (running[0]) await run(running[0]);
  } finally {
    await Promise.all(running.map((handle) => handle.stop()));
  }
}

/** Sums of a counter of a process, by the value of its label (`''` = it has none). */
async function counted({ port }: ServiceHandle, name: string): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] === name) found[/purpose="([^"]*)"/.exec(match[2] ?? '')?.[1] ?? ''] = Number(match[3]);
  }
  return found;
}

const X = { email: 'a@x.io', first_name: 'x' };
const TREES = { x: says('first_name', 'x'), not_x: inSegment('x', 'not_in'), read: did('open_email', 'at_least', 1) };

async function started(): Promise<Tenant> {
  const tenant = await stack.open();
  await tenant.upsertAll([X, { email: 'b@x.io', first_name: 'x' }, { email: 'c@x.io', first_name: 'y' }]);
  await tenant.define(TREES);
  return tenant;
}

describe('a segmenter that dies or freezes', () => {
  test('SIGKILL between the stores, in a step, after it and in a switch, one after the other: it is back by itself, and every member is right', async () => {
    const points = new FaultPoints(Object.fromEntries(POINTS.map((point) => [point, 'kill'])));
    const tenant = await started();
    try {
      await withSegmenters([segmenter('killed', points.env)], async (killed) => {
        await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: [] });
        for (const point of POINTS) points.arm(point);
        await tenant.upsertAll([{ email: 'a@x.io', first_name: 'y' }, { email: 'd@x.io', first_name: 'x' }, { email: 'e@x.io' }]);
        await tenant.happened('open_email', ['a@x.io', 'd@x.io']);
        await tenant.define({ rest: none(inSegment('x'), inSegment('read')) });
        for (const point of POINTS) await points.reached(point, 60_000);
        const expected: Expected = {
          x: ['b@x.io', 'd@x.io'],
          not_x: ['a@x.io', 'c@x.io', 'e@x.io'],
          read: ['a@x.io', 'd@x.io'],
          rest: ['c@x.io', 'e@x.io'],
        };
        await tenant.right(expected, { withinMs: 30_000 });
        expect(killed.restarts, 'every point ended it once').toBe(POINTS.length);
      });
    } finally {
      points.remove();
    }
  }, 180_000);

  test('frozen in the middle of a step for longer than its lease: another one takes over, and what it writes when it wakes changes nothing', async () => {
    const points = new FaultPoints({ 'segmenter.evaluated': 'stop' });
    const tenant = await started();
    try {
      await withSegmenters([segmenter('frozen', points.env, false)], async (frozen) => {
        await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: [] });
        points.arm('segmenter.evaluated');
        await tenant.upsert('a@x.io', { first_name: 'y' });
        await points.reached('segmenter.evaluated');
        await withSegmenters([segmenter('other')], async () => {
          await tenant.right({ x: ['b@x.io'], not_x: ['a@x.io', 'c@x.io'] });
          await tenant.upsert('a@x.io', { first_name: 'x' });
          await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'] });
          frozen.kill('SIGCONT');
          await sleep(3_000);
          await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: [] });
        });
      });
    } finally {
      points.remove();
    }
  }, 120_000);
});

test('a window ends ≤ 5 s late with no new event, also when no segmenter ran at that moment', async () => {
  const tenant = await stack.open();
  const seconds = 4;
  await tenant.upsertAll([{ email: 'a@x.io' }, { email: 'b@x.io' }]);
  await tenant.define({ recent: did('open_email', 'at_least', 1, 'in_the_last_days', days(seconds)) });
  await withSegmenters([segmenter('there')], async () => {
    const at = Date.now();
    await tenant.happened('open_email', ['a@x.io'], at);
    await tenant.right({ recent: ['a@x.io'] });
    await until('leaving', async () => (await tenant.members()).recent?.length === 0, 20_000);
    const late = Date.now() - at - seconds * 1_000;
    expect(late, 'ms after the end of the window').toBeGreaterThanOrEqual(0);
    expect(late, 'ms after the end of the window').toBeLessThan(5_000);
    await tenant.happened('open_email', ['b@x.io']);
    await tenant.right({ recent: ['b@x.io'] });
  });
  await sleep(seconds * 1_000 + 500);
  expect(await tenant.members(), 'nobody moved it').toEqual({ recent: ['b@x.io'] });
  await withSegmenters([segmenter('again')], async () => {
    await tenant.right({ recent: [] }, { withinMs: 5_000 });
  });
}, 60_000);

test('a tree beyond the memory limit fails by itself, with the path of the leaf; the others go on', async () => {
  const tenant = await started();
  const { clickhouse } = stack.pipeline;
  await clickhouse.command({
    query: `INSERT INTO timeline_by_kind (workspace_id, kind, contact_id, occurred_at, id, properties)
      SELECT {ws:UInt32}, 'click_email', 1000 + number, now64(3), toString(number), concat('{"a":"', repeat('x', 100), toString(number), '"}')
      FROM numbers(300000)`,
    query_params: { ws: tenant.id },
  });
  const heavy = did('click_email', 'at_least', 3, 'in_the_last_days', '30');
  await tenant.define({ heavy: and(says('first_name', 'x'), heavy) });
  await withSegmenters([segmenter('small', { MUSTER_SEGMENT_MEMORY_BYTES: '12000000' })], async () => {
    await until('the light ones built', async () => (await tenant.members()).x?.length === 2, 20_000);
    const { error } = await until('heavy failed', async () => {
      const { rows } = await tenant.pool.query<{ status: string; error: string | null }>(
        `SELECT status, error FROM segments WHERE workspace_id = $1 AND segment_id = 'heavy'`,
        [tenant.id],
      );
      return rows[0]?.status === 'failed' ? rows[0] : null;
    });
    expect(error).toBe('tree.branch.leaves[1].leaf: it needs too much memory');
    await tenant.upsert('c@x.io', { first_name: 'x' });
    await until('x moves on', async () => (await tenant.members(['x'])).x?.length === 3, 10_000);
  });
}, 60_000);

describe('work follows changes and due edges, not the number of segments', () => {
  /** Segments nobody is in: their stored sets are empty, and so would be computed ones. */
  const many = (tenant: Tenant, count: number, field: string) =>
    tenant.pool.query(
      `INSERT INTO segments (workspace_id, segment_id, name, timezone, tree, status, build_reason, built_version, base_epoch)
       SELECT $1, 'many_' || n, 'many', 'UTC', jsonb_set($2::jsonb, '{leaf,contact,filters,0,string_values,0}', to_jsonb('nobody ' || n)),
         'active', NULL, 1, 1 FROM generate_series(1, $3) n`,
      [tenant.id, JSON.stringify(says(field, '')), count],
    );

  test('1,000 segments that do not depend on a change are not evaluated for it', async () => {
    const tenant = await started();
    await many(tenant, 1_000, 'last_name');
    await withSegmenters([segmenter('counting')], async (handle) => {
      await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: [] }, { withinMs: 30_000 });
      await sleep(1_500);
      const before = await counted(handle, 'muster_segments_evaluated_total');
      const statements = await counted(handle, 'muster_segment_statements_total');
      await tenant.upsert('c@x.io', { first_name: 'x' });
      await tenant.right({ x: ['a@x.io', 'b@x.io', 'c@x.io'], not_x: [], read: [] });
      const evaluated = ((await counted(handle, 'muster_segments_evaluated_total'))[''] ?? 0) - (before[''] ?? 0);
      // x for the change, not_x for x; once more when a step saw the mark of x before the one that x itself left.
      expect(evaluated, 'segments evaluated').toBeGreaterThanOrEqual(2);
      expect(evaluated, 'segments evaluated').toBeLessThanOrEqual(4);
      const more = await counted(handle, 'muster_segment_statements_total');
      expect((more.evaluate ?? 0) - (statements.evaluate ?? 0), 'statements that evaluate').toBeLessThanOrEqual(4);
    });
  }, 60_000);

  test('idle with 100 active segments: no query but due edges', async () => {
    const tenant = await started();
    await many(tenant, 100, 'first_name');
    await tenant.define({ week: did('open_email', 'at_least', 1, 'in_the_last_days', '7') });
    await tenant.happened('open_email', ['a@x.io']);
    await withSegmenters([segmenter('idle')], async (handle) => {
      await tenant.right({ x: ['a@x.io', 'b@x.io'], not_x: ['c@x.io'], read: ['a@x.io'], week: ['a@x.io'] }, { withinMs: 30_000 });
      await sleep(2_000);
      const before = await counted(handle, 'muster_segment_statements_total');
      expect(Object.keys(before).length, 'statements are counted').toBeGreaterThan(0);
      await sleep(Number(process.env.MUSTER_IDLE_SECONDS ?? 12) * 1_000);
      expect(await counted(handle, 'muster_segment_statements_total')).toEqual(before);
    });
  }, 1_200_000);
});
