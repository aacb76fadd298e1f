/** A whole run: the test bed, the benchmarks that were asked for in order, the result. */
import { runB2 } from './b2.ts';
import type { Bed } from './bed.ts';
import { populate } from './population.ts';
import type { Row } from './result.ts';

/** B7 comes last: it fills the tables that the others are measured on. */
export async function runBenchmarks(bed: Bed): Promise<Row[]> {
  const { ONLY } = bed.options;
  const rows: Row[] = [];
  if (ONLY.includes('B2')) rows.push((await runB2(bed, await populate(bed))).row);
  return rows;
}
