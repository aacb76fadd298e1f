/**
 * CPU time by process, from /proc: which process the machine's time goes to says more about a shared machine than the clock does.
 * Where there is no /proc, only our own process is known.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds of CPU used so far, by name. */
export type CpuSample = Readonly<Record<string, number>>;

/** A process by name; undefined while it is not running. Its children count as its own. */
export type CpuSource = { readonly name: string; readonly pid: () => number | undefined };

/** Linux fixes USER_HZ at 100 on every architecture that Node runs on. */
const MICROS_PER_TICK = 10_000;

type Stat = { pid: number; parent: number; ticks: number };

export class CpuMeter {
  readonly #sources: readonly CpuSource[];

  constructor(sources: readonly CpuSource[]) {
    this.#sources = sources;
  }

  /** Runs `work` and tells what each process used meanwhile. A process that was started or replaced meanwhile is left out. */
  async measure<T>(work: () => Promise<T>): Promise<{ value: T; cpu: Record<string, number> }> {
    const pids = this.#pids();
    const before = this.#sample(pids);
    const value = await work();
    const now = this.#pids();
    const after = this.#sample(new Map([...pids].filter(([name, pid]) => now.get(name) === pid)));
    const cpu = Object.fromEntries(Object.entries(after).map(([name, micros]) => [name, micros - (before[name] ?? 0)]));
    return { value, cpu };
  }

  #pids(): Map<string, number> {
    return new Map(this.#sources.flatMap(({ name, pid }): [string, number][] => (pid() === undefined ? [] : [[name, pid() ?? 0]])));
  }

  #sample(pids: ReadonlyMap<string, number>): CpuSample {
    const { user, system } = process.cpuUsage();
    const children = byParent(readAll());
    return { generator: user + system, ...Object.fromEntries([...pids].map(([name, pid]) => [name, treeMicros(children, pid)])) };
  }
}

function byParent(stats: readonly Stat[]): { own: Map<number, Stat>; children: Map<number, number[]> } {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of stats) children.set(parent, [...(children.get(parent) ?? []), pid]);
  return { own: new Map(stats.map((s) => [s.pid, s])), children };
}

function treeMicros(tree: ReturnType<typeof byParent>, pid: number): number {
  const below = (tree.children.get(pid) ?? []).reduce((sum, child) => sum + treeMicros(tree, child), 0);
  return (tree.own.get(pid)?.ticks ?? 0) * MICROS_PER_TICK + below;
}

function readAll(): Stat[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? []);
}

function readStat(pid: number): Stat | null {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It ended between the listing and the reading.
    return null;
  }
}

/** A line of /proc/<pid>/stat. Times of children that ended and were waited for count as their parent's. */
export function parseStat(pid: number, line: string): Stat {
  // The name stands in parentheses and may hold anything, parentheses too.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const at = (index: number): number => Number(fields[index] ?? 0);
  return { pid, parent: at(1), ticks: at(11) + at(12) + at(13) + at(14) };
}
