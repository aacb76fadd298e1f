import { defineConfig } from 'vitest/config';

/** Set by continuous integration: where the machine-readable report goes. */
const report = process.env.MUSTER_TEST_REPORT;

export default defineConfig({
  test: {
    environment: 'node',
    globalSetup: ['scripts/bundles.mjs'],
    include: ['packages/**/*.test.ts', 'services/**/*.test.ts', 'queues/**/*.test.ts', 'tests/**/*.test.ts'],
    // Many files start real stores and then mostly wait: with two at a time two cores were idle for a third of the time.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
});
