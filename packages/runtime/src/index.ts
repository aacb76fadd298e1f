export * from './config.ts';
export * from './failpoints.ts';
export * from './lifecycle.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './redis.ts';
export * from './retry.ts';
export * from './status-server.ts';
