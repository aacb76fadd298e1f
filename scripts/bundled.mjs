/**
 * Runs a program of this checkout, and every service that it starts, from bundles, as services run in production:
 * node scripts/bundled.mjs packages/loadtest/src/bench/main.ts
 */
import { pathToFileURL } from 'node:url';
import bundles, { bundlePath } from './bundles.mjs';

await bundles();
await import(pathToFileURL(bundlePath(process.argv[2] ?? '')).href);
