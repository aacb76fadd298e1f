/**
 * `make soak`: a stack of its own under a steady load, its memory, parts and backlogs watched; at the end a table that says what
 * stayed flat and what did not.
 *
 * HELP=1 lists the options. The stack lives in a temporary directory that is removed at the end, or in MUSTER_DATA_DIR, which stays.
 * Exit code 0 when everything required holds, 1 when something falls short or the run failed, 130 after Ctrl-C.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { REPOSITORY, startStack } from '@muster/embedded';
import { number } from '../demo/output.ts';
import { type Program, runProgram } from '../program.ts';
import { assertMemoryIsReadable } from './memory.ts';
import { soakOptions, soakSchema } from './options.ts';
import { runSoak } from './run.ts';

async function main({ env, output, signal }: Program): Promise<number> {
  const options = soakOptions(env);
  assertMemoryIsReadable();
  const kept = env.MUSTER_DATA_DIR ? resolve(REPOSITORY, env.MUSTER_DATA_DIR) : null;
  const dataDir = kept ?? mkdtempSync(join(tmpdir(), 'muster-soak-'));
  try {
    output.line(`Starting a stack in ${dataDir}.`);
    const stack = await startStack({ dataDir, services: ['api', 'worker'], signal, terminal: output });
    try {
      output.line(`${number(options.RATE)} items/s for ${options.MINUTES} minutes.`);
      return (await runSoak(stack, options, output, process.stdout, signal)).ok ? 0 : 1;
    } finally {
      await stack.stop();
    }
  } finally {
    if (kept === null) rmSync(dataDir, { recursive: true, force: true });
  }
}

runProgram('soak', soakSchema, main);
