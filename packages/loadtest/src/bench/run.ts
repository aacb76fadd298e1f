/** A whole run: the test bed, the benchmarks that were asked for in order, the result. */
import { runB1 } from './b1.ts';
import { runB2 } from './b2.ts';
import { runB3 } from './b3.ts';
import type { Bed } from './bed.ts';
import { populate } from './population.ts';
import type { Row } from './result.ts';

export async function runBenchmarks(bed: Bed): Promise<Row[]> {
  const { ONLY } = bed.options;
  const rows: Row[] = [];
  if (ONLY.includes('B1')) rows.push(await runB1(bed));
  if (ONLY.includes('B2')) rows.push((await runB2(bed, await populate(bed))).row);
  if (ONLY.includes('B3')) rows.push(await runB3(bed));
  return rows;
}
