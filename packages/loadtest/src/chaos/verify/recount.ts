/** The administration tool's own recount, run as a person would run it, against the stores themselves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type LocalStack, REPOSITORY, runTypeScript } from '@muster/embedded';
import type { Check } from './check.ts';

export async function recount({ env, stores }: LocalStack, signal: AbortSignal): Promise<Check> {
  const { file, args } = runTypeScript(join(REPOSITORY, 'services/admin/src/main.ts'), ['verify']);
  const child: ChildProcess = spawn(file, args, {
    cwd: REPOSITORY,
    env: {
      ...env,
      MUSTER_POSTGRES_URL: stores.postgresUrl,
      MUSTER_REDIS_URL: stores.redisUrl,
      MUSTER_CLICKHOUSE_URL: stores.clickhouseUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  let text = '';
  const append = (chunk: Buffer): void => {
    text += chunk.toString();
  };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', append);
  const [code] = await once(child, 'close');
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return { name: 'admin verify: the balance adds up, mirror and Postgres agree', checked: 1, faults: code === 0 ? [] : lines };
}
