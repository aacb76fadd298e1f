/** The figures for people: a table for the terminal, the same as Markdown, and where the CPU time went. */
import { columns, number } from '../demo/output.ts';
import type { BenchResult, Measurement, Row } from './result.ts';
import { mediansByKey, type Spread } from './statistics.ts';

const NONE = '–';
const rate = (s: Spread | null): string => (s === null ? NONE : `${whole(s.median)} (${whole(s.min)}–${whole(s.max)})`);
const ratio = (s: Spread | null): string => (s === null ? NONE : `${s.median.toFixed(2)} (${s.min.toFixed(2)}–${s.max.toFixed(2)})`);
const whole = (n: number): string => number(Math.round(n));

function goalText({ goal, unit }: Row): string {
  const sign = goal.sense === 'at_least' ? '≥' : '≤';
  const parts = [goal.rate === null ? '' : `${sign} ${number(goal.rate)} ${unit}`, goal.ratio === null ? '' : `${sign} ${goal.ratio}×`];
  return parts.filter(Boolean).join(', ');
}

const HEAD = ['#', 'work', 'goal', 'figure', 'baseline', 'ratio', ''];
const cells = (row: Row): string[] => [
  row.id,
  row.work,
  goalText(row),
  `${rate(row.figure)} ${row.unit}`,
  rate(row.baseline),
  ratio(row.ratio),
  row.verdict,
];

/** One block a row: in a terminal a line with all of it would not fit. */
export function reportLines(result: BenchResult): string[] {
  const lines = result.rows.flatMap((row) => [
    '',
    `${row.id}  ${row.verdict.toUpperCase()}  ${row.work}`,
    ...columns([
      ['goal', goalText(row)],
      ['figure', `${rate(row.figure)} ${row.unit}`],
      ...(row.baseline === null
        ? []
        : [
            ['baseline', `${rate(row.baseline)} ${row.unit}`],
            ['ratio', ratio(row.ratio)],
          ]),
      ...Object.entries(row.others).map(([name, other]) => [name, `${rate(other)} ${row.unit}`]),
    ]).map((line) => `  ${line}`),
    ...(row.baseline_work === null ? [] : [`    baseline: ${row.baseline_work}`]),
    ...cpuLines(row),
    ...noteLines(row),
  ]);
  return [...lines, '', machineLine(result)];
}

export function markdownTable(result: BenchResult): string[] {
  const line = (parts: readonly string[]): string => `| ${parts.join(' | ')} |`;
  return [
    line(HEAD.map((name) => name || 'verdict')),
    line(HEAD.map(() => '---')),
    ...result.rows.map((row) => line(cells(row))),
    '',
    ...baselineLines(result.rows),
    machineLine(result),
  ];
}

/** Each once, with the rows that it stands beside. */
function baselineLines(rows: readonly Row[]): string[] {
  const ids = new Map<string, string[]>();
  for (const { id, baseline_work: work } of rows) if (work !== null) ids.set(work, [...(ids.get(work) ?? []), id]);
  return [...ids].map(([work, of]) => `Baseline of ${of.join(', ')}: ${work}.`);
}

function machineLine({ machine, commit, options }: BenchResult): string {
  const scale = options.big ? ', SCALE=big' : options.scale === 1 ? '' : `, at ${options.scale} of the full counts`;
  return (
    `Median (lowest–highest) of ${options.rounds} rounds${scale}, everything on one machine: ${machine.cores} cores (${machine.cpu}), ` +
    `${machine.memory_gib} GiB, Node ${machine.node}, commit ${commit}.`
  );
}

type Side = [name: string, measurements: Measurement[]];

function sidesOf(row: Row): Side[] {
  const sides: Side[] = [
    ['system', row.rounds.map((r) => r.system)],
    ['baseline', row.rounds.flatMap((r) => r.baseline ?? [])],
    ...Object.keys(row.others).map((name): Side => [name, row.rounds.flatMap((r) => r.others[name] ?? [])]),
  ];
  return sides.filter(([, measurements]) => measurements.length > 0);
}

/** Microseconds of CPU an item, medians over the rounds. */
function cpuLines(row: Row): string[] {
  const sides = sidesOf(row).map(([name, all]) => ({ name, cpu: mediansByKey(all.map((m) => m.cpu_us)) }));
  const names = [...new Set(sides.flatMap(({ cpu }) => Object.keys(cpu)))];
  if (names.length === 0) return [];
  const cell = (micros: number | undefined): string => (micros === undefined ? '-' : micros.toFixed(1));
  const sum = (cpu: Readonly<Record<string, number>>): number => Object.values(cpu).reduce((a, b) => a + b, 0);
  const rows = sides.map(({ name, cpu }) => [name, ...names.map((n) => cell(cpu[n])), cell(sum(cpu))]);
  return ['    µs of CPU an item', ...columns([['', ...names, 'all'], ...rows], 4)];
}

/** What else was seen, medians over the rounds: refusals among it. */
function noteLines(row: Row): string[] {
  return sidesOf(row).flatMap(([name, all]) => {
    const notes = Object.entries(mediansByKey(all.map((m) => m.notes))).map(([note, value]) => `${note} ${number(value)}`);
    return notes.length === 0 ? [] : [`    ${name}: ${notes.join(', ')}`];
  });
}
