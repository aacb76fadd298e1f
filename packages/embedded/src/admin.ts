import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDir } from './dataDir.ts';
import { LocalStackError } from './errors.ts';
import { bindToParent } from './process/launcher.ts';
import { sizeOf, tail } from './process/log.ts';
import { REPOSITORY, runTypeScript } from './typescript.ts';

/**
 * Runs one command of the admin tool to its end (`migrate`, `bootstrap …`); its output goes to `log/admin.log`.
 *
 * @param signal ends the command when the stack is stopped meanwhile.
 * @throws LocalStackError with the end of its output when it fails.
 */
export async function runAdmin(
  dir: DataDir,
  entry: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const log = join(dir.logs, 'admin.log');
  const from = sizeOf(log);
  const command = bindToParent(runTypeScript(entry, args), 'TERM');
  const file = openSync(log, 'a', 0o600);
  const child = spawn(command.file, [...command.args], { cwd: REPOSITORY, env, stdio: ['ignore', file, file], detached: true });
  closeSync(file);
  const abort = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', abort);
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, killedBy) => resolve(code === 0 ? undefined : (killedBy ?? `exit code ${code}`)));
    if (signal.aborted) abort();
  });
  signal.removeEventListener('abort', abort);
  if (signal.aborted) throw new LocalStackError('Stopped.');
  if (how !== undefined) throw new LocalStackError(`admin ${args[0] ?? ''} failed (${how}). The end of ${log}:\n${tail(log, 20, from)}`);
}
