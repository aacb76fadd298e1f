/**
 * `make chaos`: a stack of its own under load, with a seeded schedule of faults; then everything that was acknowledged is looked for.
 *
 * HELP=1 lists the options. Exit code 0 when nothing was lost, doubled or reordered and every fault was recovered from in time, 1
 * otherwise (the data directory then stays), 130 after Ctrl-C.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Program, runProgram } from '../program.ts';
import { type ChaosOptions, chaosOptions, chaosSchema, chosenFaults } from './options.ts';
import { reportLines } from './report.ts';
import { runChaos } from './run.ts';
import { startWorld } from './world.ts';

async function main({ env, output, signal }: Program): Promise<number> {
  // Each request in flight and each pause listens.
  setMaxListeners(0, signal);
  const options = chaosOptions(env);
  chosenFaults(options);
  const file = resolve(env.INIT_CWD || process.cwd(), options.REPORT || join(tmpdir(), `muster-chaos-${options.SEED}.json`));
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-chaos-'));
  let keep = true;
  try {
    output.line(`Starting a stack in ${dataDir}: two APIs, two workers, two segmenters.`);
    // Deaths and restarts are what is wanted here: they are in the table, not on the screen.
    const world = await startWorld({ dataDir, seed: options.SEED, signal, terminal: { line: () => undefined } });
    try {
      const report = await runChaos({ world, options, output, screen: process.stdout, signal, repeat: repeatOf(options) });
      output.line();
      for (const line of reportLines(report)) output.line(line);
      await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
      output.line(`Report: ${file}`);
      keep = !report.ok;
      return report.ok ? 0 : 1;
    } finally {
      await world.close();
    }
  } finally {
    if (keep && !signal.aborted) output.line(`The data directory stays: ${dataDir}, the logs are in ${join(dataDir, 'log')}`);
    else rmSync(dataDir, { recursive: true, force: true });
  }
}

function repeatOf(options: ChaosOptions): string {
  const given = Object.entries(options).filter(([name, value]) => name !== 'REPORT' && value !== '');
  return `make chaos ${given.map(([name, value]) => `${name}=${value}`).join(' ')}`;
}

runProgram('chaos', chaosSchema, main);
