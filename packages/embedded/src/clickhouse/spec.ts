import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { DataDir } from '../dataDir.ts';
import { bindToParent } from '../process/launcher.ts';
import type { ProcessSpec } from '../process/supervised.ts';
import { runTypeScript } from '../typescript.ts';
import { THREADS } from './engine.ts';

/** The URL for `@clickhouse/client`: user `default`, no password, database `muster`. */
export function clickhouseUrl(port: number): string {
  return `http://default:@127.0.0.1:${port}/muster`;
}

/** Says how to run the local ClickHouse. */
export function clickhouseSpec(
  dir: DataDir,
  port: number,
  env: NodeJS.ProcessEnv,
): Pick<ProcessSpec, 'command' | 'env' | 'cwd' | 'isReady' | 'stopSignal' | 'hopeless'> {
  const command = runTypeScript(fileURLToPath(new URL('./main.ts', import.meta.url)), [dir.clickhouse, String(port)]);
  return {
    command: () => bindToParent(command, 'TERM'),
    env: { PATH: env.PATH, HOME: env.HOME, TMPDIR: env.TMPDIR, TZ: 'UTC', LC_ALL: 'C', UV_THREADPOOL_SIZE: String(THREADS) },
    cwd: dir.clickhouse,
    isReady: (pid) => isReady(port, pid),
    stopSignal: 'SIGTERM',
    hopeless: /EADDRINUSE|npm ci/,
  };
}

/** Ready when `/ping` answers from exactly this process. */
function isReady(port: number, pid: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/ping', timeout: 1_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 && response.headers['x-muster-process'] === String(pid));
    });
    request.once('error', () => resolve(false));
    request.once('timeout', () => request.destroy());
  });
}
