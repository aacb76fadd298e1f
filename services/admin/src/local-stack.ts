/**
 * Where the stores are when nobody says so: a running local stack leaves a note in its data directory, and a command given by hand
 * then means that stack.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

/** The environment, completed from the note of the local stack when it names no Postgres. What is set by hand wins. */
export function withLocalStack(env: NodeJS.ProcessEnv, workingDirectory: string): NodeJS.ProcessEnv {
  const note = join(resolve(workingDirectory, env.MUSTER_DATA_DIR || '.muster'), 'stores.env');
  if (env.MUSTER_POSTGRES_URL || !existsSync(note)) return env;
  return { ...parseEnv(readFileSync(note, 'utf8')), ...env };
}
