/** Options of the benchmarks: environment variables, one schema, one table of help. */
import { z } from 'zod';
import { amount, flag, parseOptions, whole } from '../load/options.ts';

export const BENCHMARKS = ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B7'] as const;
export type BenchmarkId = (typeof BENCHMARKS)[number];

export const benchSchema = z.object({
  ONLY: z
    .string()
    .default(BENCHMARKS.join(','))
    .transform((text, context): readonly BenchmarkId[] => {
      const named = text.split(',').map((part) => part.trim().toUpperCase());
      const unknown = named.filter((name) => !BENCHMARKS.some((known) => known === name));
      if (unknown.length === 0) return BENCHMARKS.filter((known) => named.includes(known));
      context.addIssue({ code: 'custom', message: `give some of ${BENCHMARKS.join(',')}` });
      return z.NEVER;
    })
    .describe('which benchmarks, separated by commas'),
  SCALE: z
    .union([z.literal('big'), amount(0.0001, 10)], 'give a number from 0.0001 to 10, or big')
    .default(1)
    .describe('share of the full counts: 0.1 to try, 1 for figures; big = B4 over ten million contacts and a billion events'),
  ROUNDS: whole(1, 50).default(3).describe('rounds of each benchmark; in each, system and baseline take turns'),
  PROFILE: flag('0').describe('1 = CPU profiles of API and worker: flame graphs and tables in bench/profiles'),
  DATA: z
    .string()
    .default('')
    .describe('data directory of B4 and B5: kept, and used again as long as the counts fit; empty = a temporary one'),
  RESULTS: z.string().default('').describe('folder of the JSON result; empty = bench/results of the checkout'),
  SEED: whole(0, 999_999_999).default(1).describe('the same seed makes the same items'),
});
export type BenchOptions = Omit<z.infer<typeof benchSchema>, 'SCALE'> & {
  readonly SCALE: number;
  /** The builds of B4 over ten times the contacts and twenty times the events; everything else at full counts. */
  readonly BIG: boolean;
};

/** @throws LoadError naming each faulty option. */
export function benchOptions(env: NodeJS.ProcessEnv): BenchOptions {
  const { SCALE, ...others } = parseOptions(benchSchema, env);
  return { ...others, SCALE: SCALE === 'big' ? 1 : SCALE, BIG: SCALE === 'big' };
}

/** Items in a batch request, and rows in a batch of a baseline. */
export const BATCH = 1_000;
/** Connections of whoever sends batches, the system's producers and the baselines alike. */
export const WIDTH = 8;

/** A full count at a scale, in whole batches. */
export function scaled(full: number, scale: number): number {
  return Math.max(1, Math.round((full * scale) / BATCH)) * BATCH;
}
