import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['packages/**/*.test.ts', 'services/**/*.test.ts', 'queues/**/*.test.ts', 'tests/**/*.test.ts'],
    // Many files start real stores, each a handful of processes: more than two at a time only slows all of them down.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
