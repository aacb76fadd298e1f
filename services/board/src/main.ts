/** Entry of the board: wires configuration, Redis, the queues and the HTTP server. */
import { serve } from '@hono/node-server';
import { allQueues, QUEUE_PREFIX } from '@muster/queues';
import { boardSchema, ConfigError, createLogger, errorFields, Lifecycle, loadConfig, producerConnection } from '@muster/runtime';
import { Queue } from 'bullmq';
import { createBoard } from './app.ts';

function readConfig() {
  try {
    return loadConfig(boardSchema, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

const config = readConfig();
const log = createLogger('board', config.MUSTER_LOG_LEVEL);
const lifecycle = new Lifecycle(log);
const redis = producerConnection(config.MUSTER_REDIS_URL, log);
const queues = allQueues(config.MUSTER_LANES).map((name) => {
  const queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
  // The connection logs its own errors; without a listener they would end the process.
  queue.on('error', () => undefined);
  return queue;
});

const app = createBoard({
  log,
  queues,
  user: config.MUSTER_BOARD_USER,
  password: config.MUSTER_BOARD_PASSWORD,
  ready: async () => !lifecycle.stopping && (await redis.ping().catch(() => 'away')) === 'PONG',
});
const server = serve({ fetch: app.fetch, hostname: config.MUSTER_BOARD_HOST, port: config.MUSTER_BOARD_PORT }, (info) =>
  log.info({ port: info.port }, 'board listening'),
);
server.on('error', (error) => {
  log.error(errorFields(error), 'the board cannot listen: change MUSTER_BOARD_PORT or free the port');
  process.exit(1);
});

lifecycle.onShutdown('http server', 5_000, () => new Promise<void>((resolve) => server.close(() => resolve())));
lifecycle.onShutdown('queues', 3_000, async () => {
  await Promise.all(queues.map((queue) => queue.close()));
});
lifecycle.onShutdown('redis', 1_000, () => redis.disconnect());
lifecycle.handleSignals();
