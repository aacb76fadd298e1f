import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from './process/launcher.ts';

/** The root of the checkout. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * The command that runs a TypeScript file of this checkout, from any working directory: its bundle when BUNDLES names a folder
 * that has one (for tests and measurements, see scripts/bundles.mjs), else the source.
 */
export function runTypeScript(entry: string, args: readonly string[], flags: readonly string[] = []): Command {
  const bundle = bundleOf(entry);
  if (bundle !== null) return { file: process.execPath, args: [...flags, bundle, ...args] };
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { file: process.execPath, args: [...flags, '--import', loader, entry, ...args] };
}

function bundleOf(entry: string): string | null {
  const folder = process.env.BUNDLES;
  if (!folder) return null;
  const bundle = join(folder, `${relative(REPOSITORY, entry).replaceAll('/', '_').replace(/\.ts$/, '')}.mjs`);
  return existsSync(bundle) ? bundle : null;
}
