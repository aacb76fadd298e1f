/** The benchmarks that were asked for, in order, and their rows. */
import { runB1 } from './b1.ts';
import { runB2 } from './b2.ts';
import { runB3 } from './b3.ts';
import { runB7 } from './b7.ts';
import type { Bed } from './bed.ts';
import { populate } from './population.ts';
import type { Row } from './result.ts';

/** B7 fills the tables that the others are measured on, so it comes last; B2's rounds on empty tables serve it, too. */
export async function runBenchmarks(bed: Bed): Promise<Row[]> {
  const { ONLY } = bed.options;
  const b1 = ONLY.includes('B1') ? [await runB1(bed)] : [];
  const b3 = ONLY.includes('B3') ? [await runB3(bed)] : [];
  if (!ONLY.includes('B2') && !ONLY.includes('B7')) return [...b1, ...b3];
  const people = await populate(bed);
  const b2 = ONLY.includes('B2') ? [await runB2(bed, people)] : [];
  const empty = b2.flatMap((row) => row.rounds.map((round) => round.system));
  const b7 = ONLY.includes('B7') ? [await runB7(bed, people, empty)] : [];
  return [...b1, ...b2, ...b3, ...b7];
}
