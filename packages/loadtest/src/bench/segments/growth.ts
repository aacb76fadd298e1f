/**
 * B7, the half about B4: the same builds on four times the contacts and events. Its row is the tree that grows most; a ratio of 4 is
 * linear.
 */
import type { Bed } from '../bed.ts';
import type { Round, Row } from '../result.ts';
import { timedRowOf } from '../rows.ts';
import { median } from '../statistics.ts';
import { type Builds, measureBuilds } from './b4.ts';
import { removeSegments } from './definitions.ts';
import { KINDS } from './trees.ts';
import { extendWorld, type World } from './world.ts';

const TIMES = 4;
/** A tenth more than linear. */
const GOAL_RATIO = 4.4;

export async function runGrowth(bed: Bed, world: World, before: Builds): Promise<Row> {
  const { contacts, events, purchases } = world;
  await removeSegments(bed);
  const larger = await extendWorld(bed, { contacts: TIMES * contacts, events: TIMES * events, purchases: TIMES * purchases });
  const after = await measureBuilds(bed, larger, 'b7');
  const rounds = KINDS.map(({ id, work }) => ({ id, work, rounds: pairs(after.get(id) ?? [], before.get(id) ?? []) }));
  const growth = ({ rounds: all }: (typeof rounds)[number]): number =>
    median(all.map((r) => r.system.seconds / (r.baseline?.seconds ?? Number.NaN)));
  const worst = rounds.reduce((a, b) => (growth(b) > growth(a) ? b : a));
  return timedRowOf({
    id: 'B7.builds',
    work: `B4's builds on ${TIMES} times the data, of the eight the one that grows most (${worst.work})`,
    baselineWork: 'the same builds on the data of B4, earlier in the same run',
    goal: { ms: null, ratio: GOAL_RATIO },
    rounds: worst.rounds.map((round, n) => ({
      ...round,
      others: Object.fromEntries(rounds.flatMap(({ work, rounds: all }) => (all[n] === undefined ? [] : [[work, all[n].system]]))),
    })),
  });
}

/** Larger against smaller, round by round. */
function pairs(after: readonly Round[], before: readonly Round[]): Round[] {
  return after.map(({ system }, n) => ({ system, baseline: before[n]?.system ?? null, others: {} }));
}
