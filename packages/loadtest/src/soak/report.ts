/** The end of a soak: memory per process, parts per table, what was required; as data and as text. */
import type { ClientStats } from '../client/client.ts';
import { columns, number } from '../demo/output.ts';
import { endedOf } from '../demo/settle.ts';
import type { LoadReport } from '../load/report.ts';
import type { CallCounts } from '../load/tally.ts';
import type { MemoryVerdict, Requirement } from './judge.ts';
import type { Sample } from './sampler.ts';

export type SoakReport = {
  load: LoadReport;
  memory: readonly MemoryVerdict[];
  parts: Record<string, { max: number; last: number }>;
  most: { undelivered: number; waiting: number; window_p99_ms: number | null };
  requirements: readonly Requirement[];
  missed: readonly string[];
  samples: readonly Sample[];
  ok: boolean;
};

export function soakLine(total: CallCounts, stats: ClientStats, { memory, parts, undelivered, waiting, latency, balance }: Sample): string {
  const sizes = Object.entries(memory).map(([name, bytes]) => `${name} ${megabytes(bytes)}`);
  return [
    `accepted ${number(total.accepted)} stored ${number(endedOf(balance))}`,
    `429/503 ${number(stats.later[429] ?? 0)}/${number(stats.later[503] ?? 0)}`,
    `p99 ${latency === null ? '-' : latency.p99.toFixed(1)} ms`,
    `waiting ${number(waiting)} undelivered ${number(undelivered)}`,
    `parts ${Math.max(0, ...Object.values(parts))}`,
    `MB: ${sizes.join(' ')}`,
  ].join(' | ');
}

export function mostOf(samples: readonly Sample[]): SoakReport['most'] {
  const windows = samples.flatMap(({ latency }) => (latency === null ? [] : [latency.p99]));
  return {
    undelivered: Math.max(0, ...samples.map((s) => s.undelivered)),
    waiting: Math.max(0, ...samples.map((s) => s.waiting)),
    window_p99_ms: windows.length > 0 ? Math.max(...windows) : null,
  };
}

export function soakLines(report: SoakReport): string[] {
  const memory = report.memory.map((m) => [
    m.process,
    megabytes(m.early_bytes),
    megabytes(m.late_bytes),
    m.slope_mb_per_minute.toFixed(2),
    m.flat ? 'flat' : 'GROWS',
  ]);
  const parts = Object.entries(report.parts).map(([table, { max, last }]) => [table, String(max), String(last)]);
  const required = report.requirements.map(({ name, wanted, found, met }) => [name, wanted, found, met ? 'ok' : 'SHORT']);
  const { most } = report;
  const short = report.requirements.filter(({ met }) => !met).length;
  return [
    'Memory in MB: medians of the second and the last fifth of the run, slope over its second half',
    ...columns([['process', '20-40 %', '80-100 %', 'MB/min', ''], ...memory]),
    '',
    'Active parts in ClickHouse',
    ...columns([['table', 'most', 'last'], ...parts]),
    '',
    `At most ${number(most.waiting)} chunks waiting, ${number(most.undelivered)} ledger rows undelivered; worst p99 between two looks ${most.window_p99_ms === null ? '-' : most.window_p99_ms.toFixed(1)} ms.`,
    '',
    ...columns([['required', 'wanted', 'found', ''], ...required]),
    '',
    ...[...new Set(report.missed)].slice(0, 3).map((reason) => `A look failed: ${reason}`),
    short === 0 ? 'The soak holds.' : `The soak falls short in ${short} of ${report.requirements.length}.`,
  ];
}

const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(0);
