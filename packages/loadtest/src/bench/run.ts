/** The benchmarks that were asked for, in order, and their rows. */
import { runB1 } from './b1.ts';
import { runB2 } from './b2.ts';
import { runB3 } from './b3.ts';
import { runB6 } from './b6.ts';
import { runB7 } from './b7.ts';
import type { Bed } from './bed.ts';
import type { BenchmarkId, BenchOptions } from './options.ts';
import { populate } from './population.ts';
import type { Row } from './result.ts';
import { runSegments } from './segments/run.ts';

/** Opens a bed with these services; `keep` is its data directory, empty = one that is removed. */
export type OpenBed = (services: readonly string[], keep: string) => Promise<Bed>;

const PIPELINE: readonly BenchmarkId[] = ['B1', 'B2', 'B3', 'B7'];
const SEGMENTS: readonly BenchmarkId[] = ['B4', 'B5'];

/** Segments have a bed of their own: the others are measured without a segmenter beside them. So have imports, which leave millions of contacts. */
export async function runBenchmarks({ ONLY, DATA }: BenchOptions, open: OpenBed): Promise<Row[]> {
  const rows: Row[] = [];
  const on = async (ids: readonly BenchmarkId[], services: readonly string[], keep: string, run: (bed: Bed) => Promise<Row[]>) => {
    if (!ids.some((id) => ONLY.includes(id))) return;
    const bed = await open(services, keep);
    try {
      rows.push(...(await run(bed)));
    } finally {
      await bed.close();
    }
  };
  await on(PIPELINE, ['api', 'worker'], '', runPipeline);
  await on(['B6'], ['api', 'worker'], '', runB6);
  await on(SEGMENTS, ['api', 'worker', 'segmenter'], DATA, runSegments);
  return rows.sort((a, b) => a.id.slice(0, 2).localeCompare(b.id.slice(0, 2)));
}

/** B7 fills the tables that the others are measured on, so it comes last; B2's rounds on empty tables serve it, too. */
async function runPipeline(bed: Bed): Promise<Row[]> {
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
