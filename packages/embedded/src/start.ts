/**
 * `make start`: runs the local stack in the foreground until Ctrl-C.
 *
 * MUSTER_API_PORT (8080), MUSTER_BOARD_PORT (8081), MUSTER_DATA_DIR (`.muster` in the checkout), MUSTER_DEV_KEY
 * (`muster-dev-key`); MUSTER_SERVICES_DIR runs other services than those of the checkout. Exit code 0 after an orderly stop, 1 with one clear message when it cannot start, 130 when a
 * second signal cut the stop short.
 */
import { resolve } from 'node:path';
import { LocalStackError } from './errors.ts';
import { hasEntry, SERVICES_DIR } from './services.ts';
import { DEFAULT_DEV_KEY, type LocalStack, startStack } from './stack.ts';
import { stdoutTerminal, type Terminal, table } from './terminal.ts';
import { REPOSITORY } from './typescript.ts';

const SERVICES = ['api', 'worker', 'segmenter', 'board'] as const;
/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const SAME_KEYPRESS_MS = 1_000;

async function main(terminal: Terminal): Promise<number> {
  const apiPort = portFrom('MUSTER_API_PORT', 8080);
  const boardPort = portFrom('MUSTER_BOARD_PORT', 8081);
  const devKey = process.env.MUSTER_DEV_KEY || DEFAULT_DEV_KEY;
  // A relative directory means the same from wherever the command is given.
  const dataDir = resolve(REPOSITORY, process.env.MUSTER_DATA_DIR || '.muster');
  const servicesDir = process.env.MUSTER_SERVICES_DIR || SERVICES_DIR;
  const services = SERVICES.filter((service) => service === 'api' || hasEntry(servicesDir, service));
  const absent = SERVICES.filter((service) => !services.includes(service));
  if (absent.length > 0) terminal.line(`Not in this checkout, so not started: ${absent.join(', ')}`);

  const ending = new AbortController();
  const force = new AbortController();
  const ended = new Promise<void>((done) => ending.signal.addEventListener('abort', () => done()));
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (firstAt === 0) {
      firstAt = Date.now();
      terminal.line('');
      terminal.line(`${signal}: stopping the services, then the stores. Again to cut it short.`);
      ending.abort();
    } else if (Date.now() - firstAt > SAME_KEYPRESS_MS) {
      // Nothing acknowledged is lost: the stores have it on disk, and chunks apply once however often they are repeated.
      terminal.line('Cut short.');
      force.abort();
      process.exit(130);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);

  terminal.line(`Starting the local stack in ${dataDir}`);
  const startedAt = performance.now();
  let stack: LocalStack;
  try {
    stack = await startStack({
      dataDir,
      servicesDir,
      apiPort,
      boardPort,
      devKey,
      services,
      terminal,
      signal: ending.signal,
      force: force.signal,
    });
  } catch (error) {
    if (ending.signal.aborted) return 0;
    throw error;
  }
  for (const line of greeting(stack, services, (performance.now() - startedAt) / 1000)) terminal.line(line);
  await ended;
  await stack.stop();
  terminal.line('Stopped.');
  return 0;
}

function greeting(stack: LocalStack, services: readonly string[], seconds: number): string[] {
  const rows: (readonly [string, string])[] = [['API', stack.apiUrl]];
  if (services.includes('board'))
    rows.push([
      'Board',
      `${stack.boardUrl}  (user ${stack.env.MUSTER_BOARD_USER ?? 'admin'}, password ${stack.env.MUSTER_BOARD_PASSWORD ?? stack.devKey})`,
    ]);
  rows.push(['Key', stack.devKey], ['Workspace', 'demo'], ['Postgres', stack.stores.postgresUrl], ['Redis', stack.stores.redisUrl]);
  rows.push(['ClickHouse', stack.stores.clickhouseUrl], ['Logs', `${stack.stores.dataDir}/log`]);
  return ['', `Muster is ready (${seconds.toFixed(1)} s).`, '', ...table(rows), '', 'Ctrl-C stops everything.', ''];
}

function portFrom(variable: string, fallback: number): number {
  const text = process.env[variable] || String(fallback);
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new LocalStackError(`${variable} is "${text}", which is not a port. Give a number from 1 to 65535.`);
}

const terminal = stdoutTerminal();
main(terminal).then(
  (code) => process.exit(code),
  (error: unknown) => {
    terminal.line(
      error instanceof LocalStackError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error),
    );
    process.exit(1);
  },
);
