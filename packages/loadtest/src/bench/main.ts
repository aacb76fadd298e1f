/**
 * `make bench`: measured speed, each figure beside a baseline that was measured in the same run, taking turns.
 *
 * HELP=1 lists the options. It starts stacks of its own in temporary directories and removes them at the end.
 * Exit code 0 when everything was measured, short of its goal or not; 1 when the run failed or anything was lost; 130 after Ctrl-C.
 */
import { resolve } from 'node:path';
import { REPOSITORY } from '@muster/embedded';
import { type Program, runProgram } from '../program.ts';
import { makeBed } from './bed.ts';
import { BENCHMARKS, benchOptions, benchSchema } from './options.ts';
import { profilingEnv, reportProfiles } from './profile/report.ts';
import { type BenchResult, currentCommit, machineFacts, writeResult } from './result.ts';
import { runBenchmarks } from './run.ts';
import { markdownTable, reportLines } from './table.ts';

async function main({ env, output, signal }: Program): Promise<number> {
  const options = benchOptions(env);
  const startedAt = new Date();
  const commit = currentCommit(REPOSITORY);
  const profiles = resolve(REPOSITORY, 'bench/profiles', `${startedAt.toISOString().slice(0, 19).replaceAll(':', '')}-${commit}`);
  const serviceEnv = options.PROFILE ? profilingEnv(profiles, env.NODE_OPTIONS) : {};
  const rows = await runBenchmarks(options, (services, keep) => makeBed({ options, output, signal, serviceEnv, services, keep }));
  // Written when the services ended.
  if (options.PROFILE) for (const line of reportProfiles(profiles)) output.line(line);
  const result: BenchResult = {
    version: 1,
    started_at: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    commit,
    machine: machineFacts(),
    options: {
      only: [...options.ONLY],
      scale: options.SCALE,
      big: options.BIG,
      rounds: options.ROUNDS,
      seed: options.SEED,
      profile: options.PROFILE,
    },
    rows,
  };
  const path = writeResult(result, resolve(REPOSITORY, options.RESULTS || 'bench/results'), BENCHMARKS);
  for (const line of [...reportLines(result), '', ...markdownTable(result), '', `Written to ${path}.`]) output.line(line);
  return 0;
}

runProgram('bench', benchSchema, main);
