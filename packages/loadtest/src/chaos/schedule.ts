/**
 * Which fault happens when: a pure function of seed and length, so a run can be made again. Rounds go through every kind in a shuffled
 * order; a round of all of them fits into five minutes.
 */
import { type Random, random } from '../random.ts';
import type { Fault } from './faults/index.ts';

export type ScheduledFault = {
  /** Its number in the schedule, from 0. */
  readonly number: number;
  /** Milliseconds from the start of the load; later when the one before has not been recovered from by then. */
  readonly atMs: number;
  readonly kind: string;
  readonly target: string;
  readonly durationMs: number;
};

export type ScheduleOptions = { readonly seed: number; readonly minutes: number; readonly everySeconds: number };

/** The load runs undisturbed for so long first. */
const LEAD_MS = 2_000;
/** Part of a gap by which a fault may come later, so that faults do not keep step with sweeps and schedulers. */
const JITTER = 0.1;

export function makeSchedule(faults: readonly Fault[], { seed, minutes, everySeconds }: ScheduleOptions): ScheduledFault[] {
  const count = Math.max(1, Math.floor((minutes * 60_000 - LEAD_MS) / (everySeconds * 1_000)));
  const kinds = Array.from({ length: Math.ceil(count / faults.length) }, (_, round) => shuffled(faults, random(seed, 'round', round)));
  return kinds
    .flat()
    .slice(0, count)
    .map(({ kind, targets, lastsMs: [least, most] }, number) => {
      const r = random(seed, 'scheduled', number);
      return {
        number,
        atMs: Math.round(LEAD_MS + (number + r.next() * JITTER) * everySeconds * 1_000),
        kind,
        target: r.pick([...targets]),
        durationMs: Math.round(least + r.next() * (most - least)),
      };
    });
}

/** Fisher and Yates. */
function shuffled<T>(list: readonly T[], r: Random): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = r.int(i + 1);
    const [a, b] = [result[i], result[j]];
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a];
  }
  return result;
}
