/**
 * Adds to package-lock.json what `npm install` left out: optional packages of other platforms, which a registry mirror may not
 * serve. Without their entries `npm ci` calls the lock file out of date on every platform. Run it after each `npm install`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OS = /(?:^|[-/])(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32|windows)(?=-|$)/;
const CPU = /(?:^|-)(arm64|arm|armv6|armv7|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el|wasm32)(?=-|$)/;

const path = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(path, 'utf8'));
const added = [];
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(parent, name)) continue;
    const os = OS.exec(name)?.[1]?.replace('windows', 'win32');
    const libc = /-musl$/.test(name) ? 'musl' : /-gnu$/.test(name) ? 'glibc' : undefined;
    const cpu = CPU.exec(name)?.[1];
    lock.packages[`node_modules/${name}`] = {
      version: range.replace(/^[~^]/, ''),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
      ...(libc ? { libc: [libc] } : {}),
      optional: true,
      ...(os ? { os: [os] } : {}),
    };
    added.push(name);
  }
}
const root = lock.packages[''];
const rest = Object.entries(lock.packages).filter(([key]) => key !== '');
lock.packages = { '': root, ...Object.fromEntries(rest.sort(([a], [b]) => a.localeCompare(b, 'en'))) };
if (added.length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(added.length > 0 ? `Added ${added.length}: ${added.join(', ')}\n` : 'Nothing is missing.\n');

/** Whether Node would find an entry for `name` from `parent`: its own node_modules, or one further up. */
function isLocked(parent, name) {
  const parts = parent.split('/node_modules/');
  for (let depth = parts.length; depth > 0; depth -= 1)
    if (lock.packages[`${parts.slice(0, depth).join('/node_modules/')}/node_modules/${name}`]) return true;
  return lock.packages[`node_modules/${name}`] !== undefined;
}
