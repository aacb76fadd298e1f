/**
 * B4: full builds, eight kinds of tree, from the request until readers see the new set, while writers send events of the same workspace.
 *
 * Baseline: the same question as hand-written SQL through the ClickHouse client, in turns with the builds. It only counts, so the ratio
 * is that of a preview of the tree, which reads what a build reads and counts it, too, at the same priority; staging, comparing and switching
 * sets come on top.
 * What the SQL counts must be what the build found: before the writers start and after they ended, each set is compared at the very
 * moment for which it was computed.
 */
import { type Bed, count, mustBe, untilIdle, untilMerged } from '../bed.ts';
import { BenchError } from '../errors.ts';
import type { Measurement, Round, Row } from '../result.ts';
import { timedRowOf } from '../rows.ts';
import { baselineOf } from './baselines.ts';
import { buildSeconds } from './build-seconds.ts';
import {
  createSegments,
  epochs,
  type NamedTree,
  previewSeconds,
  removeSegments,
  requestBuild,
  stateOf,
  untilBuilt,
  untilShown,
} from './definitions.ts';
import { KINDS, LAPSED } from './trees.ts';
import { sendAgain, type World } from './world.ts';
import { startWriters, writersRate } from './writers.ts';

const GOAL_MS = 400;
const BIG_GOAL_MS = 2_000;
const GOAL_RATIO = 1.5;
/** Whoever waits for an answer comes before evaluations, whichever SQL they wrote. */
const AS_A_PREVIEW = { priority: '1' };
/** Writers run so long before the first build is timed: by then there are parts that wait to be merged. */
const SETTLE_MS = 5_000;

/** The rounds of each tree by its id, measured while writers run. */
export type Builds = ReadonlyMap<string, readonly Round[]>;

export async function runB4(bed: Bed, world: World): Promise<{ rows: Row[]; builds: Builds }> {
  const { BIG, SCALE } = bed.options;
  const builds = await measureBuilds(bed, world, 'b4');
  const data = `${world.contacts.toLocaleString('en-US')} contacts, ${world.events.toLocaleString('en-US')} events`;
  const rows = KINDS.map(({ id, work }, n) =>
    timedRowOf({
      id: `B4.${n + 1}`,
      work: `build: ${work} (${data}, writers at ${writersRate(SCALE).toLocaleString('en-US')} events/s)`,
      baselineWork: 'hand-written SQL that counts the same contacts, copies that are not merged yet told apart',
      goal: { ms: BIG ? BIG_GOAL_MS : GOAL_MS, ratio: GOAL_RATIO },
      compared: READING,
      rounds: builds.get(id) ?? [],
    }),
  );
  return { rows, builds };
}

/** @param tag of the writers' events */
export async function measureBuilds(bed: Bed, world: World, tag: string): Promise<Builds> {
  const { ROUNDS, SCALE } = bed.options;
  const ids = KINDS.map(({ id }) => id);
  await removeSegments(bed);
  await createSegments(bed, KINDS);
  await untilShown(bed, ids);
  await sendAgain(bed);
  await untilMerged(bed);
  const progress = bed.output.progress('builds', ids.length * (2 * ROUNDS + 1));
  const turns = async (rounds: number, atRest: boolean): Promise<Map<string, Turn[]>> => {
    const found = new Map(ids.map((id): [string, Turn[]] => [id, []]));
    for (let n = 0; n < rounds; n += 1)
      for (const kind of KINDS) {
        found.get(kind.id)?.push(await turn(bed, kind, atRest, n % 2 === 0));
        progress.add(1);
      }
    return found;
  };
  const calm = await turns(ROUNDS, true);
  const writers = startWriters(bed, world, tag);
  let busy: Map<string, Turn[]>;
  try {
    await bed.pause(SETTLE_MS * Math.min(1, SCALE));
    busy = await turns(ROUNDS, false);
  } finally {
    await writers.stop();
  }
  await untilIdle(bed);
  await turns(1, true);
  progress.done(`${writers.sent().toLocaleString('en-US')} events meanwhile`);
  return new Map(ids.map((id) => [id, (busy.get(id) ?? []).map((found, n) => roundOf(found, calm.get(id)?.[n] ?? found))]));
}

const READING = 'the reading alone (a preview)';

/** One build and its baseline, what the segmenter says that the build alone took, and the API of a preview: the reading alone. */
type Turn = { readonly [part in 'system' | 'alone' | 'preview' | 'baseline']: Measurement };

const roundOf = ({ system, alone, preview: previewed, baseline }: Turn, calm: Turn): Round => ({
  system,
  baseline,
  others: {
    [READING]: previewed,
    'the build alone, without waiting for its turn': alone,
    'no writers': calm.system,
    'no writers, the reading alone': calm.preview,
    'no writers, the build alone': calm.alone,
    'no writers, hand-written': calm.baseline,
  },
});

/**
 * @param atRest nothing else happens: both must find the same contacts for the moment for which the set was computed
 * @param sqlFirst before the preview; right after a build, evaluations catch up
 */
async function turn(bed: Bed, { id, tree }: NamedTree, atRest: boolean, sqlFirst: boolean): Promise<Turn> {
  const { base_epoch: before } = await stateOf(bed, id);
  const builtBefore = await buildSeconds(bed);
  const startedAt = performance.now();
  await requestBuild(bed, id);
  const { segment_uid: uid, base_epoch: epoch } = await untilBuilt(bed, id, before);
  const system = timed(startedAt);
  const alone = (await buildSeconds(bed)) - builtBefore;
  const set = 'FROM segment_sets FINAL WHERE workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch = {epoch:UInt64}';
  const now = await count(bed, `SELECT toUnixTimestamp64Milli(at) AS n ${set}`, { uid, epoch });
  // Of the segment that it refers to, a step sees what was committed before it.
  const seen = { ...(await epochs(bed)), committed: (epoch ?? 0) - 1 };
  const { query, params } = baselineOf(id, { now, lapsed: await stateOf(bed, LAPSED), epochs: seen });
  const lookedFirst = sqlFirst ? null : await previewSeconds(bed, tree);
  const baselineStartedAt = performance.now();
  const found = await count(bed, query, params, AS_A_PREVIEW);
  const baseline = timed(baselineStartedAt);
  if (atRest) mustBe(`${id}: members`, found, await count(bed, `SELECT bitmapCardinality(members) AS n ${set}`, { uid, epoch }));
  if (found === 0 && bed.options.SCALE >= 1) throw new BenchError(`${id}: nobody is in it, so nothing was compared.`);
  const previewed = lookedFirst ?? (await previewSeconds(bed, tree));
  return { system, alone: ofSeconds(alone), preview: ofSeconds(previewed), baseline };
}

const ofSeconds = (seconds: number): Measurement => ({ items: 1, seconds, rate: 1 / seconds, cpu_us: {}, notes: {} });
const timed = (startedAt: number): Measurement => ofSeconds((performance.now() - startedAt) / 1_000);
