/**
 * Redis connections. Producers fail fast (an API that waits for Redis would hold requests and answer late); consumers wait
 * for Redis for ever (a worker that gives up would need a restart).
 */
import { Redis } from 'ioredis';
import { errorFields, type Logger } from './logger.ts';
import { oncePerBurst } from './retry.ts';

export type { Redis };

function watchErrors(redis: Redis, log: Logger, role: string): Redis {
  redis.on(
    'error',
    oncePerBurst((error: unknown) => log.warn({ role, ...errorFields(error) }, 'redis connection error')),
  );
  return redis;
}

/** Connection of a producer: commands fail at once while Redis is away, and after 3 s without an answer. */
export function producerConnection(url: string, log: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 3_000,
    connectTimeout: 3_000,
    retryStrategy: (times) => Math.min(50 * times, 500),
  });
  return watchErrors(redis, log, 'producer');
}

/** Connection of a consumer: commands wait until Redis is back. */
export function consumerConnection(url: string, log: Logger): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: (times) => Math.min(50 * times, 500) });
  return watchErrors(redis, log, 'consumer');
}

/**
 * Redis' own clock in microseconds since the epoch. It stamps every acceptance and every erasure: one clock for all
 * processes, because which of two came first decides whether an item is erased.
 */
export async function redisMicros(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1_000_000 + Number(micros);
}
