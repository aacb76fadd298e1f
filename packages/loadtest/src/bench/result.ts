/** What a run of the benchmarks leaves behind: figures with the rounds they come from, and the machine they were measured on. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const spreadSchema = z.object({ median: z.number(), min: z.number(), max: z.number() });

const measurement = z.object({
  items: z.number().int().positive(),
  seconds: z.number().positive(),
  rate: z.number().positive(),
  /** Microseconds of CPU an item, by process; `generator` is the benchmark itself. */
  cpu_us: z.record(z.string(), z.number()),
  /** Anything else that was seen: latencies, parts of the time, refusals. */
  notes: z.record(z.string(), z.number()),
});
export type Measurement = z.infer<typeof measurement>;

const round = z.object({
  system: measurement,
  /** Null where there is nothing to compare with. */
  baseline: measurement.nullable(),
  /** For information: the same work under other conditions. */
  others: z.record(z.string(), measurement),
});
export type Round = z.infer<typeof round>;

const row = z.object({
  id: z.string(),
  work: z.string(),
  unit: z.string(),
  baseline_work: z.string().nullable(),
  /** Of a rate and its ratio at least so much is wanted; of a time (unit `ms`) and its ratio at most. */
  goal: z.object({ rate: z.number().nullable(), ratio: z.number().nullable(), sense: z.enum(['at_least', 'at_most']).default('at_least') }),
  figure: spreadSchema,
  baseline: spreadSchema.nullable(),
  ratio: spreadSchema.nullable(),
  verdict: z.enum(['pass', 'short']),
  others: z.record(z.string(), spreadSchema),
  rounds: z.array(round).min(1),
});
export type Row = z.infer<typeof row>;

const machine = z.object({
  cpu: z.string(),
  cores: z.number().int().positive(),
  memory_gib: z.number().positive(),
  platform: z.string(),
  node: z.string(),
});
export type Machine = z.infer<typeof machine>;

export const benchResult = z.object({
  version: z.literal(1),
  started_at: z.iso.datetime(),
  seconds: z.number().nonnegative(),
  /** Short id of the commit, with `-dirty` when the checkout has other changes. */
  commit: z.string(),
  machine,
  options: z.object({
    only: z.array(z.string()),
    scale: z.number(),
    /** The builds of B4 over ten million contacts and a billion events. */
    big: z.boolean().default(false),
    rounds: z.number().int(),
    seed: z.number().int(),
    profile: z.boolean(),
  }),
  rows: z.array(row),
});
export type BenchResult = z.infer<typeof benchResult>;

export function machineFacts(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() || 'unknown',
    cores: cores.length,
    memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** `0000000` where there is no git or no repository: images and tarballs have none. */
export function currentCommit(directory: string): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '-dirty' : ''}`;
  } catch {
    return '0000000';
  }
}

/** `<date>-<commit>.json` for a whole run; one of a part, a share or with profiles says so, and so never replaces a whole one. */
export function resultName({ started_at, commit, options }: BenchResult, all: readonly string[]): string {
  const part = all.every((id) => options.only.includes(id)) ? [] : options.only;
  const share = options.big ? ['big'] : options.scale === 1 ? [] : [`scale${options.scale}`];
  return [started_at.slice(0, 10), commit, ...part, ...share, ...(options.profile ? ['profiled'] : [])].join('-');
}

/** @returns the path of the file. */
export function writeResult(result: BenchResult, directory: string, all: readonly string[]): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${resultName(result, all)}.json`);
  writeFileSync(path, `${JSON.stringify(benchResult.parse(result), null, 1)}\n`);
  return path;
}
