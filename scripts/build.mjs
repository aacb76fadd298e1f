/** Bundles each service into one file for the images: services/<name>/src/main.ts → dist/<name>.mjs. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, root, services } from './bundle.mjs';

rmSync(join(root, 'dist'), { recursive: true, force: true });
const made = await bundle(Object.fromEntries(services().map((name) => [name, `services/${name}/src/main.ts`])), 'dist');
for (const [file, kib] of made) process.stdout.write(`${file}  ${kib} KiB\n`);
