/** What the programs of this package have in common: HELP=1, Ctrl-C, and how failures end them. */
import { type Output, standardOutput } from './demo/output.ts';
import { describeFailure } from './load/errors.ts';
import { helpLines } from './load/options.ts';

export type Program = { env: NodeJS.ProcessEnv; output: Output; signal: AbortSignal };

/**
 * Runs `make <name>` and ends the process with the code that `main` returns, 1 when it fails, 130 after Ctrl-C. With HELP=1 it only
 * lists the options of `schema`.
 */
export function runProgram(name: string, schema: Parameters<typeof helpLines>[0], main: (program: Program) => Promise<number>): void {
  const output = standardOutput();
  if (process.env.HELP) {
    for (const line of [`make ${name} OPTION=value …`, ...helpLines(schema)]) output.line(line);
    return;
  }
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());
  main({ env: process.env, output, signal: ending.signal }).then(
    (code) => process.exit(code),
    (error: unknown) => {
      output.line(ending.signal.aborted ? 'Stopped.' : describeFailure(error));
      process.exit(ending.signal.aborted ? 130 : 1);
    },
  );
}
