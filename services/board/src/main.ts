/** Entry of the board: wires configuration, Redis, the queues and the HTTP server. */
import { type ServerType, serve } from '@hono/node-server';
import { allQueues, QUEUE_PREFIX } from '@muster/queues';
import { boardSchema, ConfigError, createLogger, Lifecycle, type Logger, loadConfig, producerConnection, runMain } from '@muster/runtime';
import { Queue } from 'bullmq';
import { createBoard } from './app.ts';

let log: Logger | null = null;

async function main(): Promise<void> {
  const config = loadConfig(boardSchema, process.env);
  const logger = createLogger('board', config.MUSTER_LOG_LEVEL);
  log = logger;
  const lifecycle = new Lifecycle(logger);
  const redis = producerConnection(config.MUSTER_REDIS_URL, logger);
  const queues = allQueues(config.MUSTER_LANES).map((name) => {
    const queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
    // The connection logs its own errors; without a listener they would end the process.
    queue.on('error', () => undefined);
    return queue;
  });
  const app = createBoard({
    log: logger,
    queues,
    user: config.MUSTER_BOARD_USER,
    password: config.MUSTER_BOARD_PASSWORD,
    ready: async () => !lifecycle.stopping && (await redis.ping().catch(() => 'away')) === 'PONG',
  });
  const server = await listen(app, config.MUSTER_BOARD_HOST, config.MUSTER_BOARD_PORT);

  lifecycle.onShutdown('http server', 5_000, () => new Promise<void>((resolve) => server.close(() => resolve())));
  lifecycle.onShutdown('queues', 3_000, async () => {
    await Promise.all(queues.map((queue) => queue.close()));
  });
  lifecycle.onShutdown('redis', 1_000, () => redis.disconnect());
  lifecycle.handleSignals();
  logger.info({ port: config.MUSTER_BOARD_PORT }, 'board listening');
}

/** @throws ConfigError when the port cannot be had. */
function listen(app: ReturnType<typeof createBoard>, hostname: string, port: number): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname, port }, () => resolve(server));
    server.once('error', () => reject(new ConfigError(`The board cannot listen on port ${port}: free it, or change MUSTER_BOARD_PORT.`)));
  });
}

runMain(() => log, main);
