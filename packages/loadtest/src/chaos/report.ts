/** The result of a run, as data and as text. */
import { columns, number } from '../demo/output.ts';
import type { Tally } from './producers/sender.ts';
import type { ScheduledFault } from './schedule.ts';
import type { Check } from './verify/check.ts';

export type FaultResult = ScheduledFault & {
  /** Milliseconds from the start of the load at which it really happened. */
  happenedMs: number;
  lastedMs: number;
  /** 0 = no producer was refused. */
  refusedMs: number;
  /** Null = not within a minute. */
  recoveryMs: number | null;
  /** What the recovery waited for last; null = for nothing. */
  waitedFor: string | null;
  ok: boolean;
};

export type ChaosReport = {
  seed: number;
  minutes: number;
  rate: number;
  repeat: string;
  faults: FaultResult[];
  totals: Tally & { duplicates: number; drained_ms: number };
  checks: Check[];
  ok: boolean;
};

const NAMED = 20;

/** @param within seconds */
export const isRecovered = (recoveryMs: number | null, within: number): boolean => recoveryMs !== null && recoveryMs <= within * 1_000;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

export function scheduleLines(schedule: readonly ScheduledFault[]): string[] {
  const rows = schedule.map(({ atMs, kind, target, durationMs }) => [
    kind,
    target,
    seconds(atMs),
    durationMs === 0 ? 'at once' : seconds(durationMs),
  ]);
  return columns([['fault', 'target', 'at', 'lasts'], ...rows]);
}

export function faultLines(faults: readonly FaultResult[]): string[] {
  const rows = faults.map((f) => [
    f.kind,
    f.target,
    seconds(f.happenedMs),
    f.durationMs === 0 ? '-' : seconds(f.lastedMs),
    f.refusedMs === 0 ? '-' : seconds(f.refusedMs),
    f.recoveryMs === null ? 'never' : seconds(f.recoveryMs),
    f.ok ? 'pass' : 'SHORT',
  ]);
  return columns([['fault', 'target', 'at', 'lasted', 'producers refused for', 'recovery', ''], ...rows]);
}

export function reportLines({ faults, totals, checks, repeat, ok }: ChaosReport): string[] {
  const faulty = checks.filter(({ faults: found }) => found.length > 0);
  const late = faults.filter((f) => !f.ok).length;
  return [
    ...faultLines(faults),
    ...faults.filter((f) => !f.ok).map((f) => `  ${f.kind} of ${f.target}: it waited for ${f.waitedFor}`),
    '',
    `Sent ${number(totals.sent)} items in ${number(totals.requests)} requests, ${number(totals.repeated)} of them more than once.`,
    `Acknowledged ${number(totals.acknowledged)}, unknown ${number(totals.unknown)}; ${number(totals.duplicates)} found to be duplicates. Quiet ${seconds(totals.drained_ms)} after the last one.`,
    '',
    ...columns(
      checks.map(({ name, checked, faults: found }) => [
        name,
        number(checked),
        found.length === 0 ? 'ok' : `${number(found.length)} FAULTS`,
      ]),
    ),
    ...faulty.flatMap(({ name, faults: found }) => ['', `${name}:`, ...named(found)]),
    '',
    ok
      ? 'Nothing lost, nothing twice, order kept, recovered every time.'
      : `Failed: ${faulty.length} checks found faults, ${late} recoveries fell short.`,
    `The same run again: ${repeat}`,
  ];
}

function named(faults: readonly string[]): string[] {
  const more = faults.length - NAMED;
  return [...faults.slice(0, NAMED).map((fault) => `  ${fault}`), ...(more > 0 ? [`  … and ${number(more)} more`] : [])];
}
