/** How services are bundled: our own packages are inlined, those of node_modules too where they are named. */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export const root = fileURLToPath(new URL('../', import.meta.url));

/** Folders below `services/` that have an entry file. */
export const services = () => readdirSync(join(root, 'services')).filter((name) => existsSync(join(root, 'services', name, 'src/main.ts')));

/** Bare imports that `isInlined` does not name are left to Node. */
const externalPackages = (isInlined) => ({
  name: 'external-packages',
  setup(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || isInlined(path) ? undefined : { path, external: true },
    );
  },
});

/** Our modules keep the address of their source: what they look for beside themselves is there, and only there. */
const addressOfSource = {
  name: 'address-of-source',
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    }));
  },
};

/**
 * @param entries TypeScript files (from the root of the checkout) by the name of their bundle
 * @param isInlined which packages of node_modules go into the bundle; ours always do
 * @param inPlace the bundles stay in this checkout: modules find their files by the address of their source
 * @returns kibibytes by bundle
 */
export async function bundle(entries, outdir, isInlined = () => false, inPlace = false) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'linked',
    metafile: true,
    legalComments: 'none',
    // What is inlined from CommonJS asks for `require`.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
    },
    plugins: [externalPackages((path) => path.startsWith('@muster/') || isInlined(path)), ...(inPlace ? [addressOfSource] : [])],
    logLevel: 'warning',
  });
  return Object.entries(result.metafile.outputs)
    .filter(([file]) => file.endsWith('.mjs'))
    .map(([file, { bytes }]) => [file, Math.ceil(bytes / 1024)]);
}
