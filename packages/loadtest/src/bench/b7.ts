/**
 * B7, the half about B2: the same turns on empty tables and on 50 million events of the same workspace. Its baseline are the turns on
 * empty tables, so a ratio of 0.9 is ten percent slower.
 */
import { EVENTS, systemTurn, warmUpB2 } from './b2.ts';
import type { Bed } from './bed.ts';
import { fillTimeline } from './fill.ts';
import { scaled } from './options.ts';
import type { Population } from './population.ts';
import type { Measurement, Row } from './result.ts';
import { rowOf } from './rows.ts';

const PAST = 50_000_000;

/** @param empty turns of B2 on empty tables, of this run; none = they are measured first. */
export async function runB7(bed: Bed, people: Population, empty: readonly Measurement[]): Promise<Row> {
  const items = scaled(EVENTS, bed.options.SCALE);
  const before = empty.length > 0 ? empty : await emptyTurns(bed, people, items);
  const past = scaled(PAST, bed.options.SCALE);
  await fillTimeline(bed, people, past);
  const rounds = [];
  for (const [i, baseline] of before.entries()) {
    const system = await systemTurn(bed, people, `b7-${i + 1}`, items, `B7 round ${i + 1}`);
    rounds.push({ system, baseline, others: {} });
  }
  return rowOf({
    id: 'B7',
    work: `B2's events on top of ${past.toLocaleString('en-US')} events`,
    unit: 'events/s',
    baselineWork: "B2's events on empty tables, earlier in the same run",
    goal: { rate: null, ratio: 0.9 },
    rounds,
  });
}

async function emptyTurns(bed: Bed, people: Population, items: number): Promise<Measurement[]> {
  await warmUpB2(bed, people);
  const turns: Measurement[] = [];
  for (let n = 1; n <= bed.options.ROUNDS; n += 1)
    turns.push(await systemTurn(bed, people, `b7-empty-${n}`, items, `B7 empty, round ${n}`));
  return turns;
}
