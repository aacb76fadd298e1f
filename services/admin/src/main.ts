/** Entry of the administration tool: `npm run admin -- <command>`. */
import { runCli } from './cli.ts';
import { withLocalStack } from './local-stack.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  env: withLocalStack(process.env, process.cwd()),
  stdout: process.stdout,
  stderr: process.stderr,
});
