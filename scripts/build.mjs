/**
 * Bundles each service into one file: services/<name>/src/main.ts → dist/<name>.mjs. Our own packages are inlined, those of
 * node_modules stay outside and are loaded at run time.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const services = readdirSync(join(root, 'services')).filter((name) => existsSync(join(root, 'services', name, 'src/main.ts')));

/** Bare imports but `@muster/*` are left to Node. */
const externalPackages = {
  name: 'external-packages',
  setup(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path.startsWith('@muster/') ? undefined : { path, external: true },
    );
  },
};

rmSync(join(root, 'dist'), { recursive: true, force: true });
const result = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(services.map((name) => [name, `services/${name}/src/main.ts`])),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: 'linked',
  metafile: true,
  legalComments: 'none',
  plugins: [externalPackages],
  logLevel: 'warning',
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs))
  if (file.endsWith('.mjs')) process.stdout.write(`${file}  ${Math.ceil(bytes / 1024)} KiB\n`);
