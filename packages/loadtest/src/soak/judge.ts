/**
 * What counts as steady. Pure.
 *
 * Memory is flat when the median of the run's last fifth is at most 15 % and 32 MB above that of its second fifth: the first fifth
 * warms caches and code up, medians ignore single peaks (a merge, a garbage collection that is late), and a leak of a few bytes per
 * item shows after some minutes at thousands of items a second. Latency is judged after the first fifth, too.
 */
import type { Sample } from './sampler.ts';

export const WARM_UP_SHARE = 0.2;
const GROWTH = 1.15;
const ALLOWANCE_BYTES = 32 * 1_048_576;
/** The writer flushes less often from 150 parts on, so a healthy table stays well below this. */
const MAX_PARTS = 300;
const MAX_P99_MS = 50;
/** Shorter runs end while caches still fill: their memory is shown, and not judged. */
const JUDGED_FROM_SECONDS = 120;

export type MemoryVerdict = {
  process: string;
  early_bytes: number;
  late_bytes: number;
  /** Megabytes a minute, least squares over the second half. */
  slope_mb_per_minute: number;
  flat: boolean;
};
export type Requirement = { name: string; wanted: string; found: string; met: boolean };

/** One verdict per process that was seen in both fifths. */
export function judgeMemory(samples: readonly Sample[]): MemoryVerdict[] {
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample.memory)))];
  return names.flatMap((process) => {
    const points = samples.flatMap(({ seconds, memory }) => {
      const bytes = memory[process];
      return bytes === undefined ? [] : [{ seconds, bytes }];
    });
    const fifth = points.length / 5;
    const early = median(points.slice(Math.floor(fifth), Math.ceil(2 * fifth)).map((p) => p.bytes));
    const late = median(points.slice(Math.floor(4 * fifth)).map((p) => p.bytes));
    if (early === null || late === null) return [];
    const slope = (slopeOf(points.slice(Math.floor(points.length / 2))) * 60) / 1_048_576;
    return [{ process, early_bytes: early, late_bytes: late, slope_mb_per_minute: slope, flat: late <= early * GROWTH + ALLOWANCE_BYTES }];
  });
}

export type Facts = {
  readonly seconds: number;
  readonly samples: readonly Sample[];
  readonly missed: number;
  readonly memory: readonly MemoryVerdict[];
  /** After the warm-up; null when nothing was acknowledged. */
  readonly p99Ms: number | null;
  readonly unsentItems: number;
  readonly undeliveredAtEnd: number;
  readonly restarts: number;
  readonly balanceAgrees: boolean;
};

export function requirements(facts: Facts): Requirement[] {
  const parts = mostParts(facts.samples);
  const most = Math.max(0, ...Object.values(parts).map(({ max }) => max));
  const growing = facts.memory.filter(({ flat }) => !flat).map(({ process }) => process);
  const judged = facts.seconds >= JUDGED_FROM_SECONDS;
  return [
    {
      name: 'memory is flat',
      wanted: judged ? 'all' : `not judged below ${JUDGED_FROM_SECONDS / 60} minutes`,
      found: growing.length === 0 ? 'all' : `not ${growing.join(', ')}`,
      met: !judged || (growing.length === 0 && facts.memory.length > 0),
    },
    { name: 'parts of a table', wanted: `<= ${MAX_PARTS}`, found: String(most), met: most <= MAX_PARTS && facts.samples.length > 0 },
    {
      name: 'p99 of accept after the first fifth, ms',
      wanted: `<= ${MAX_P99_MS}`,
      found: facts.p99Ms === null ? 'none' : facts.p99Ms.toFixed(1),
      met: facts.p99Ms !== null && facts.p99Ms <= MAX_P99_MS,
    },
    exactly('items due and never sent', 0, facts.unsentItems),
    exactly('processes that died', 0, facts.restarts),
    exactly('ledger rows undelivered at the end', 0, facts.undeliveredAtEnd),
    exactly('looks that failed', 0, facts.missed),
    { name: 'answers and balance', wanted: 'agree', found: facts.balanceAgrees ? 'agree' : 'DIFFER', met: facts.balanceAgrees },
  ];
}

/** Most and last number of active parts by table. */
export function mostParts(samples: readonly Sample[]): Record<string, { max: number; last: number }> {
  const found: Record<string, { max: number; last: number }> = {};
  for (const { parts } of samples)
    for (const [table, n] of Object.entries(parts)) found[table] = { max: Math.max(n, found[table]?.max ?? 0), last: n };
  return found;
}

function exactly(name: string, wanted: number, found: number): Requirement {
  return { name, wanted: String(wanted), found: String(found), met: found === wanted };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** Bytes a second; 0 when the points do not tell. */
function slopeOf(points: readonly { seconds: number; bytes: number }[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, p) => sum + p.seconds, 0) / n;
  const meanY = points.reduce((sum, p) => sum + p.bytes, 0) / n;
  const spread = points.reduce((sum, p) => sum + (p.seconds - meanX) ** 2, 0);
  if (n < 2 || spread === 0) return 0;
  return points.reduce((sum, p) => sum + (p.seconds - meanX) * (p.bytes - meanY), 0) / spread;
}
