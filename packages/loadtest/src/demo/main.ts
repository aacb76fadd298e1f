/**
 * `make demo`: sends a realistic day through the public API of a running stack, waits until it is applied, and compares what Muster
 * reports with what was sent. `make demo REPO=path` takes the history of a git repository instead.
 *
 * SEED (1) makes another day, SCALE (1) a smaller or larger one. MUSTER_API_URL, or MUSTER_API_PORT (8080) on this machine, and
 * MUSTER_DEV_KEY say whom to speak to; when nothing listens there, a local stack is started and stopped at the end.
 * Exit code 0 when every figure agrees, 1 when one does not or the run failed, 130 after Ctrl-C.
 */
import { resolve } from 'node:path';
import { UnreachableError } from '../client/http.ts';
import { runRepoDemo } from '../git/repo-demo.ts';
import { runDayDemo } from './day-demo.ts';
import { DemoError } from './errors.ts';
import { type Output, standardOutput } from './output.ts';
import { findTarget } from './target.ts';

async function main(env: NodeJS.ProcessEnv, output: Output, signal: AbortSignal): Promise<number> {
  const seed = wholeNumber('SEED', env.SEED, 1);
  const scale = positive('SCALE', env.SCALE, 1);
  const target = await findTarget(env, output, signal);
  try {
    // npm runs scripts in the checkout; a relative path means the directory in which the command was given.
    const repo = env.REPO ? resolve(env.INIT_CWD || process.cwd(), env.REPO) : null;
    const agrees =
      repo === null ? await runDayDemo(target.client, output, { seed, scale }) : await runRepoDemo(target.client, output, repo, signal);
    return agrees ? 0 : 1;
  } finally {
    target.client.close();
    await target.stop();
  }
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (!text) return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new DemoError(`${name} is "${text}"; give a whole number from 0 to 999999999.`);
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (!text) return fallback;
  const n = Number(text);
  if (n > 0 && n <= 1_000) return n;
  throw new DemoError(`${name} is "${text}"; give a number above 0, at most 1000 (0.01 = a hundredth of a day).`);
}

const output = standardOutput();
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());

main(process.env, output, ending.signal).then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (ending.signal.aborted) {
      output.line('Stopped.');
      process.exit(130);
    }
    const known = error instanceof DemoError || error instanceof UnreachableError;
    output.line(known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
