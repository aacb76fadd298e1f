/** From rounds to a row of the table: medians, and whether the goal is met. */
import type { Measurement, Round, Row } from './result.ts';
import { ratios, type Spread, spread } from './statistics.ts';

export type RowInput = {
  id: string;
  work: string;
  unit: string;
  baselineWork: string | null;
  /** At least so many items a second, and so many times the baseline's. */
  goal: { rate: number | null; ratio: number | null };
  rounds: readonly Round[];
};

/** A row about something else that was noted; the less the better. The baseline is the same note of the other side. */
export function notedRowOf(input: RowInput & { note: string }): Row {
  return scaledRow(input, { value: (m) => m.notes[input.note] ?? Number.NaN, sense: 'at_most', compared: (r) => r.system });
}

/** How a measurement is told, and which side of its goal is good. */
type Scale = { value: (m: Measurement) => number; sense: Row['goal']['sense']; compared: (r: Round) => Measurement };

/** A goal of 0.5 is met by 0.5: figures are compared unrounded. */
export function rowOf(input: RowInput): Row {
  return scaledRow(input, { value: (m) => m.rate, sense: 'at_least', compared: (r) => r.system });
}

export type TimedRowInput = Omit<RowInput, 'unit' | 'goal'> & {
  /** At most so many milliseconds, and so many times the baseline's. */
  goal: { ms: number | null; ratio: number | null };
  /** Name of the other measurement that is compared with the baseline in the system's place: the part that both sides do. */
  compared?: string;
};

/** A row about how long something takes, in milliseconds: the less the better, of the ratio, too. */
export function timedRowOf({ goal, compared, ...input }: TimedRowInput): Row {
  return scaledRow(
    { ...input, unit: 'ms', goal: { rate: goal.ms, ratio: goal.ratio } },
    {
      value: (m) => m.seconds * 1_000,
      sense: 'at_most',
      compared: (r) => (compared === undefined ? r.system : (r.others[compared] ?? r.system)),
    },
  );
}

function scaledRow({ id, work, unit, baselineWork, goal, rounds }: RowInput, { value, sense, compared }: Scale): Row {
  const figure = spread(rounds.map((r) => value(r.system)));
  const pairs = rounds.flatMap((r) => (r.baseline === null ? [] : [{ system: value(compared(r)), baseline: value(r.baseline) }]));
  const baseline = pairs.length === 0 ? null : spread(pairs.map((p) => p.baseline));
  const ratio = pairs.length === 0 ? null : ratios(pairs);
  const meets = (found: Spread | null, wanted: number | null): boolean =>
    wanted === null || (found !== null && (sense === 'at_least' ? found.median >= wanted : found.median <= wanted));
  return {
    ...{ id, work, unit, figure, baseline, ratio },
    baseline_work: baselineWork,
    goal: { ...goal, sense },
    verdict: meets(ratio, goal.ratio) && meets(figure, goal.rate) ? 'pass' : 'short',
    others: othersOf(rounds, value),
    rounds: [...rounds],
  };
}

function othersOf(rounds: readonly Round[], value: Scale['value']): Record<string, Spread> {
  const names = [...new Set(rounds.flatMap((r) => Object.keys(r.others)))];
  return Object.fromEntries(
    names.map((name) => [
      name,
      spread(
        rounds.flatMap((r) => {
          const other = r.others[name];
          return other === undefined ? [] : [value(other)];
        }),
      ),
    ]),
  );
}
