/** From rounds to a row of the table: medians, and whether the goal is met. */
import type { Round, Row } from './result.ts';
import { ratios, type Spread, spread } from './statistics.ts';

export type RowInput = {
  id: string;
  work: string;
  unit: string;
  baselineWork: string;
  goal: Row['goal'];
  rounds: readonly Round[];
};

/** A goal of 0.5 is met by 0.5: figures are compared unrounded. */
export function rowOf({ id, work, unit, baselineWork, goal, rounds }: RowInput): Row {
  const figure = spread(rounds.map((r) => r.system.rate));
  const ratio = ratios(rounds.map((r) => ({ system: r.system.rate, baseline: r.baseline.rate })));
  const met = ratio.median >= goal.ratio && (goal.rate === null || figure.median >= goal.rate);
  return {
    id,
    work,
    unit,
    baseline_work: baselineWork,
    goal,
    figure,
    baseline: spread(rounds.map((r) => r.baseline.rate)),
    ratio,
    verdict: met ? 'pass' : 'short',
    others: othersOf(rounds),
    rounds: [...rounds],
  };
}

function othersOf(rounds: readonly Round[]): Record<string, Spread> {
  const names = [...new Set(rounds.flatMap((r) => Object.keys(r.others)))];
  return Object.fromEntries(names.map((name) => [name, spread(rounds.flatMap((r) => r.others[name]?.rate ?? []))]));
}
