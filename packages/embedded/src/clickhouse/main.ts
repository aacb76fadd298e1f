/**
 * The process of the local ClickHouse: `main.ts <data directory> <port>`.
 *
 * It ends in order on SIGTERM or SIGINT, and when its standard input closes: its supervisor is gone then.
 */
import { isAbsolute } from 'node:path';
import { Engine, THREADS } from './engine.ts';
import { createFront } from './server.ts';

/** Running statements get this long when the process is asked to end. Milliseconds. */
const DRAIN_MS = 5_000;
const DATABASE = 'muster';

async function main(): Promise<void> {
  const [path, port] = process.argv.slice(2);
  if (path === undefined || !isAbsolute(path) || !Number.isInteger(Number(port)))
    throw new Error('Usage: main.ts <absolute data directory> <port>');
  if (Number(process.env.UV_THREADPOOL_SIZE) < THREADS)
    throw new Error(`UV_THREADPOOL_SIZE must be at least ${THREADS}: each running statement occupies a thread.`);

  const engine = new Engine(path);
  const scope = { database: 'default', settings: new Map<string, string>(), params: new Map<string, string>(), readOnly: false };
  await engine.query('write', scope, `CREATE DATABASE IF NOT EXISTS ${DATABASE}`, 'Null');
  const version = Buffer.from((await engine.query('read', scope, 'SELECT version()', 'TabSeparated')).bytes)
    .toString('utf8')
    .trim();
  const server = createFront({ engine, version });

  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    server.close();
    server.closeIdleConnections();
    const deadline = new Promise((resolve) => setTimeout(resolve, DRAIN_MS, 'deadline'));
    void Promise.race([engine.drained(), deadline]).then((outcome) => {
      // Closing under a running statement aborts the engine with a core dump; parts on disk are complete either way.
      if (outcome !== 'deadline') engine.close();
      process.exit(0);
    });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.stdin.on('end', end);
  process.stdin.on('error', end);
  process.stdin.resume();
  server.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  server.listen({ host: '127.0.0.1', port: Number(port) }, () => {
    process.stdout.write(`ClickHouse ${version} on 127.0.0.1:${port}, data in ${path}\n`);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
