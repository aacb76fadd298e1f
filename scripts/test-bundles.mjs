/**
 * Before the tests: bundles of everything that their stacks run as processes, packages included. From source, a service takes 2.7 s of
 * CPU to load, from a bundle 0.5, and the tests start and kill hundreds. One level below the root, like `dist`: bundles look for `../sql`.
 */
import { join } from 'node:path';
import { bundle, root, services } from './bundle.mjs';

/** These look for files of their own package. */
const OUTSIDE = /^(node:|pg-native$|chdb|@bull-board\/)/;

export default async function setup() {
  const outdir = join(root, '.muster-test');
  const entries = [...services().map((name) => `services/${name}/src/main.ts`), 'packages/embedded/src/clickhouse/main.ts'];
  const named = Object.fromEntries(entries.map((entry) => [entry.replaceAll('/', '_').replace(/\.ts$/, ''), entry]));
  await bundle(named, outdir, (path) => !OUTSIDE.test(path));
  process.env.TEST_BUNDLES = outdir;
}
