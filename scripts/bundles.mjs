/**
 * Before tests and measurements: bundles of everything that their stacks run as processes, packages included. From source, a service
 * takes 2.7 s of CPU to load, from a bundle 0.5; the tests start and kill hundreds, and what is measured must not be the loader.
 */
import { join } from 'node:path';
import { bundle, root, services } from './bundle.mjs';

/** These look for files of their own package. */
const OUTSIDE = /^(node:|pg-native$|chdb|autocannon$|@bull-board\/)/;

const PROGRAMS = [
  'packages/embedded/src/clickhouse/main.ts',
  'packages/embedded/src/start.ts',
  'packages/import-client/src/main.ts',
  ...['bench', 'bench/echo', 'chaos', 'demo', 'load', 'soak'].map((name) => `packages/loadtest/src/${name}/main.ts`),
];

const outdir = join(root, '.bundles');
const nameOf = (entry) => entry.replaceAll('/', '_').replace(/\.ts$/, '');

/** @param entry path from the root of the checkout */
export const bundlePath = (entry) => join(outdir, `${nameOf(entry)}.mjs`);

export default async function setup() {
  const entries = [...services().map((name) => `services/${name}/src/main.ts`), ...PROGRAMS];
  const named = Object.fromEntries(entries.map((entry) => [nameOf(entry), entry]));
  await bundle(named, outdir, (path) => !OUTSIDE.test(path), true);
  process.env.BUNDLES = outdir;
}
