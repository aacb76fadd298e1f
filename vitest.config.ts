import { defineConfig } from 'vitest/config';

/** Set by continuous integration: where the machine-readable report goes. */
const report = process.env.MUSTER_TEST_REPORT;

export default defineConfig({
  test: {
    environment: 'node',
    globalSetup: ['scripts/bundles.mjs'],
    include: ['packages/**/*.test.ts', 'services/**/*.test.ts', 'queues/**/*.test.ts', 'tests/**/*.test.ts'],
    // Many files start real stores, each a handful of processes: more than two at a time only slows all of them down.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
});
