import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Command } from './process/launcher.ts';

/** The command that runs a TypeScript file of this checkout, from any working directory. */
export function runTypeScript(entry: string, args: readonly string[], flags: readonly string[] = []): Command {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { file: process.execPath, args: [...flags, '--import', loader, entry, ...args] };
}
