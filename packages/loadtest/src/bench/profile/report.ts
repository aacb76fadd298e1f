/** Where profiles of a run go, and what is made of them: a flame graph and a table of the functions that take most time. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { columns, number } from '../../demo/output.ts';
import { callTree, type Frame, parseProfile, selfTimes } from './cpuprofile.ts';
import { flameGraph } from './flame.ts';

const WRITTEN = 60;
const SHOWN = 15;
const SUFFIX = '.cpuprofile';

/** Environment of services whose profiles are to be written into `directory`, which is made. */
export function profilingEnv(directory: string, nodeOptions: string | undefined): Record<string, string> {
  mkdirSync(directory, { recursive: true });
  const hook = new URL('./hook.mjs', import.meta.url).href;
  return { NODE_OPTIONS: `${nodeOptions ?? ''} --import ${hook}`.trim(), MUSTER_PROFILE_DIR: directory };
}

/** Makes a flame graph and a table beside each profile in the directory. @returns the tables, as lines. */
export function reportProfiles(directory: string): string[] {
  const profiles = readdirSync(directory).filter((file) => file.endsWith(SUFFIX));
  return profiles.sort().flatMap((file) => {
    const name = file.slice(0, -SUFFIX.length);
    const root = callTree(parseProfile(readFileSync(join(directory, file), 'utf8')));
    const lines = selfTimeTable(root, WRITTEN);
    writeFileSync(join(directory, `${name}.svg`), flameGraph(root, name));
    writeFileSync(join(directory, `${name}.txt`), `${lines.join('\n')}\n`);
    return ['', `${name}: ${join(directory, `${name}.svg`)}`, ...selfTimeTable(root, SHOWN)];
  });
}

/** The functions with the most time of their own. */
export function selfTimeTable(root: Frame, most: number): string[] {
  const rows = selfTimes(root).slice(0, most);
  const share = (micros: number): string => `${((100 * micros) / Math.max(1, root.total)).toFixed(1)} %`;
  const cells = rows.map(({ name, place, micros }) => [`${name}  ${place}`.trim(), number(Math.round(micros / 1_000)), share(micros)]);
  return columns([['function', 'ms', 'of busy time'], ...cells]);
}
