/**
 * `make load`: producers against a running stack, at a fixed rate or as fast as it answers; then a report that must add up.
 *
 * HELP=1 lists the options. MUSTER_API_URL, or MUSTER_API_PORT (8080) on this machine, and MUSTER_DEV_KEY say whom to speak to; when
 * nothing listens there, a local stack is started and stopped at the end.
 * Exit code 0 when the answers and the balance agree, 1 when they do not or the run failed, 130 after Ctrl-C.
 */
import { DEFAULT_DEV_KEY } from '@muster/embedded';
import { findTarget } from '../demo/target.ts';
import { type Program, runProgram } from '../program.ts';
import { loadOptions, loadSchema } from './options.ts';
import { runLoad } from './run.ts';

async function main({ env, output, signal }: Program): Promise<number> {
  const options = loadOptions(env);
  const target = await findTarget(env, output, signal);
  try {
    const key = env.MUSTER_DEV_KEY || DEFAULT_DEV_KEY;
    const report = await runLoad({ url: target.url, key, client: target.client, signal }, options, output, process.stdout);
    return report.ok ? 0 : 1;
  } finally {
    target.client.close();
    await target.stop();
  }
}

runProgram('load', loadSchema, main);
