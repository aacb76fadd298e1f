/**
 * Random sequences of all kinds of items over few keys, against a simple model: final profiles, memberships, timelines, custom events,
 * verdicts and the balance, whatever the cut into chunks ("What an item did does not depend on how items were chunked").
 */
import { uuidv7 } from '@muster/domain';
import { eraseContact, readBalance, undelivered } from '@muster/postgres';
import { allQueues, type QueueRef, queueName } from '@muster/queues';
import { redisMicros } from '@muster/runtime';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { delivered, LANES, type Pipeline, startPipeline, until } from '../support/pipeline.ts';
import { addChunk, makeList, queueOf } from './helpers.ts';
import { type Counts, Model, type Phase, type SentPhase } from './model.ts';
import { address, itemsOf, scenario } from './scenario.ts';
import { expectedWorld, loadWorld } from './world.ts';

let p: Pipeline;
beforeAll(async () => {
  p = await startPipeline({ env: { MUSTER_SWEEP_SECONDS: '3600' } });
  await makeList(p, 'news');
  await makeList(p, 'club', true);
}, 120_000);
afterAll(() => p?.close());

type Case = { name: string; lane: number; phases: readonly Phase[]; model: Model; log: string[] };

/** Sends a phase, items of one queue in order, in chunks of `size`; returns the verdict codes in order of the steps. */
async function sendPhase(c: Case, phase: SentPhase, root: string, size: number): Promise<string> {
  const items = itemsOf(p, c.name, c.lane, phase);
  const groups = new Map<string, { ref: QueueRef; indexes: number[] }>();
  items.forEach(({ ref }, n) => {
    const group = groups.get(queueName(ref)) ?? { ref, indexes: [] };
    group.indexes.push(n);
    groups.set(queueName(ref), group);
  });
  const chunks: { id: string; indexes: number[] }[] = [];
  for (const { ref, indexes } of groups.values())
    for (let at = 0; at < indexes.length; at += size) {
      const part = indexes.slice(at, at + size);
      const ops = part.flatMap((n) => items[n]?.op ?? []);
      // The index of an item is its place in the request, whichever chunk it is in.
      chunks.push({ id: await addChunk(p, ref, ops, { root, idem: true, indexes: part }), indexes: part });
    }
  const rows = await delivered(
    p,
    chunks.map((chunk) => chunk.id),
  );
  const codes = items.map((_, n) => rows.flatMap((row, i) => row.verdicts[chunks[i]?.indexes.indexOf(n) ?? -1]?.v ?? []).join('+'));
  return codes.join('');
}

async function apply(c: Case, raw: Phase): Promise<void> {
  const phase = c.model.restrain(raw);
  const wanted = c.model.apply(phase);
  c.log.push(`${JSON.stringify(phase)} -> ${wanted}`);
  if (phase.type === 'erase') {
    const key = p.stack.env.MUSTER_HASH_KEY ?? '';
    await eraseContact(p.pool, p.workspaceId, { email: address(c.name, phase.email) }, await redisMicros(p.redis), key);
    return;
  }
  const root = uuidv7();
  const size = phase.type === 'events' ? phase.steps.length : phase.cut;
  expect(await sendPhase(c, phase, root, size), c.log.join('\n')).toBe(wanted);
  if (phase.again) expect(await sendPhase(c, phase, root, phase.steps.length)).toBe('d'.repeat(phase.steps.length));
}

/** Everything that was sent has had all of its effects: queues are empty, nothing is undelivered, nothing parked could be delivered. */
async function quiet(): Promise<void> {
  await until('a quiet pipeline', async () => {
    const { rows } = await p.pool.query('SELECT 1 FROM parked_items p JOIN contacts c USING (workspace_id, external_id) LIMIT 1');
    if (rows.length > 0 || (await undelivered(p.pool)).rows > 0) return false;
    const jobs = await Promise.all(allQueues(LANES).map((name) => queueOf(p, name).getJobCountByTypes('wait', 'active')));
    return jobs.every((n) => n === 0) && (await undelivered(p.pool)).rows === 0;
  });
}

async function check(prefix: string, scenarios: readonly (readonly Phase[])[]): Promise<void> {
  const before = await readBalance(p.pool, p.workspaceId);
  const cases = scenarios.map((phases, n): Case => ({ name: `${prefix}${n}`, lane: n % LANES, phases, model: new Model(), log: [] }));
  for (let step = 0; step < Math.max(...scenarios.map((s) => s.length)); step += 1) {
    await Promise.all(
      cases.map(async (c) => {
        const phase = c.phases[step];
        if (phase) await apply(c, phase);
      }),
    );
    await quiet();
  }
  const world = await loadWorld(p, prefix);
  for (const c of cases) expect(world.get(c.name) ?? {}, c.log.join('\n')).toEqual(expectedWorld(c.name, c.model));
  const after = await readBalance(p.pool, p.workspaceId);
  const terms = ['accepted', 'applied', 'unchanged', 'duplicate', 'rejected', 'parked', 'erased'] satisfies (keyof Counts)[];
  const grown = Object.fromEntries(terms.map((term) => [term, after[term] - before[term]]));
  expect(grown).toEqual(Object.fromEntries(terms.map((term) => [term, cases.reduce((n, { model }) => n + model.counts[term], 0)])));
}

const SCENARIOS = 30;

test('120 random scenarios end as the model says, in both stores, with every verdict and the balance', async () => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(scenario, { minLength: SCENARIOS, maxLength: SCENARIOS }), async (scenarios) => {
      round += 1;
      await check(`r${round}n`, scenarios);
    }),
    // Stacks are not reset between runs, so a failure is reported as it is; its log names the one scenario.
    { numRuns: 4, endOnFailure: true },
  );
}, 120_000);

test('the same items as one chunk, as several and as singles: the same profiles, entries and verdicts', async () => {
  const sample = fc.sample(scenario, { numRuns: 12, seed: 4 });
  // The model does not know of chunks: three cuts that all agree with it agree with each other.
  for (const [n, cut] of [1_000, 3, 1].entries())
    await check(
      `cut${n}n`,
      sample.map((phases) => phases.map((phase) => ('cut' in phase ? { ...phase, cut } : phase))),
    );
}, 120_000);
