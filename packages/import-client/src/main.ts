/**
 * `npm run import -- contacts.csv --list newsletter`: sends a file, shows what it is taken for, starts the import and watches it.
 *
 * MUSTER_API_URL, or MUSTER_API_PORT (8080) on this machine, and MUSTER_API_KEY say whom to speak to. Interrupted, the same command goes
 * on where it was. Exit code 0 when the import is completed, 1 when it is not, 130 after Ctrl-C.
 */
import { ApiClient } from './api.ts';
import { ClientError, messageOf } from './errors.ts';
import { HELP, parseOptions } from './options.ts';
import { createScreen } from './progress.ts';
import { Interrupted, runImport } from './run.ts';

const screen = createScreen(process.stdout);
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    // npm passes on what the terminal has sent already; whoever means it waits a moment and presses again.
    ending.abort();
    setTimeout(() => process.once(signal, () => process.exit(130)), 1_000).unref();
  });

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options === null) {
    screen.line(HELP);
    return 0;
  }
  return runImport(options, new ApiClient(options.url, options.key, ending.signal), screen, ending.signal);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    screen.clear();
    if (error instanceof Interrupted) {
      screen.line(`\n${error.message}`);
      process.exit(130);
    }
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(ending.signal.aborted && !(error instanceof ClientError) ? 130 : 1);
  },
);
