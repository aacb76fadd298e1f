/** What a load brought about: figures, the comparison of the answers with the balance, as data and as text. */
import type { Balance } from '../client/answers.ts';
import type { ClientStats } from '../client/client.ts';
import { type Check, Checks } from '../demo/checks.ts';
import { columns, number } from '../demo/output.ts';
import { ENDS, endedOf } from '../demo/settle.ts';
import type { EngineOptions, EngineResult } from './engine.ts';
import { CALLS } from './mix.ts';
import type { CallCounts, Latency, Tally } from './tally.ts';

export type LoadReport = {
  url: string;
  started_at: string;
  options: EngineOptions;
  seconds: { sending: number; draining: number };
  total: CallCounts;
  rates: { sent: number; accepted: number; stored: number };
  calls: Record<string, CallCounts & { latency_ms: Latency | null }>;
  latency_ms: Latency | null;
  /** null for a closed loop. */
  open_loop: { late_requests: number; max_late_ms: number; unsent_items: number } | null;
  answers: { later: Record<number, number>; lost: number; repeated: number; paused_ms: number; items_sent_again: number };
  duplicates_expected: number;
  balance: { before: Balance; after: Balance; difference: Balance };
  checks: { name: string; expected: string; found: string; ok: boolean }[];
  ok: boolean;
};

export type LoadFacts = {
  url: string;
  options: EngineOptions;
  tally: Tally;
  result: EngineResult;
  stats: ClientStats;
  drainSeconds: number;
  before: Balance;
  /** What happened since `before`. */
  difference: Balance;
  after: Balance;
};

export function makeReport(facts: LoadFacts): { report: LoadReport; checks: Checks } {
  const { tally, result, stats, options, difference } = facts;
  const { total } = tally;
  const compared = compare(facts);
  const checks = new Checks();
  for (const { name, sent, found } of compared) checks.compare(name, sent, found);
  const per = (items: number, seconds: number): number => Math.round(items / Math.max(0.001, seconds));
  const calls: LoadReport['calls'] = {};
  for (const call of CALLS) if (tally.calls[call].requests > 0) calls[call] = { ...tally.calls[call], latency_ms: tally.latency(call) };
  const report: LoadReport = {
    url: facts.url,
    started_at: result.startedAt,
    options,
    seconds: { sending: round(result.seconds), draining: round(facts.drainSeconds) },
    total,
    rates: {
      sent: per(total.sent, result.seconds),
      accepted: per(total.accepted, result.seconds),
      stored: per(endedOf(difference), result.seconds + facts.drainSeconds),
    },
    calls,
    latency_ms: tally.latency(),
    open_loop:
      options.RATE > 0
        ? { late_requests: result.late, max_late_ms: round(result.maxLateMs), unsent_items: Math.max(0, result.unsentItems) }
        : null,
    answers: {
      later: stats.later,
      lost: stats.lost,
      repeated: stats.repeated,
      paused_ms: Math.round(stats.pausedMs),
      items_sent_again: stats.itemsSentAgain,
    },
    duplicates_expected: tally.duplicates,
    balance: { before: facts.before, after: facts.after, difference },
    checks: compared.map(({ name, sent, found }) => ({ name, expected: String(sent), found: String(found), ok: sent === found })),
    ok: checks.wrong.length === 0,
  };
  return { report, checks };
}

/**
 * What producers were told beside what the ledger counted. A request whose answer was lost was sent again and may have been stored
 * both times: at most `itemsSentAgain` items are such copies. Under an Idempotency-Key each copy ends as duplicate, so an item
 * that was counted twice shows; without one it is an item like any other.
 */
function compare({ tally, stats, options, difference }: LoadFacts): Check[] {
  const { total, duplicates } = tally;
  const copies = Math.min(stats.itemsSentAgain, Math.max(0, difference.accepted - total.accepted));
  const wantedDuplicates = options.KEYS ? duplicates + copies : Math.min(Math.max(difference.duplicate, duplicates), duplicates + copies);
  // Valid items that nobody erases or cancels end in no other way.
  const never = ENDS.filter((end) => end !== 'applied' && end !== 'unchanged' && end !== 'duplicate');
  return [
    { name: 'answers: accepted + rejected', sent: total.sent, found: total.accepted + total.rejected },
    { name: 'balance: accepted', sent: total.accepted + copies, found: difference.accepted },
    { name: 'balance: stored', sent: total.accepted + copies, found: endedOf(difference) },
    { name: 'balance: duplicate', sent: wantedDuplicates, found: difference.duplicate },
    ...never.map((end) => ({ name: `balance: ${end}`, sent: 0, found: difference[end] })),
  ];
}

export function reportLines(report: LoadReport, checks: Checks): string[] {
  const { seconds, rates, total, open_loop, answers } = report;
  const asked = report.options.RATE > 0 ? `open loop, ${number(report.options.RATE)} items/s asked` : 'closed loop';
  const lines = [
    `${number(total.sent)} items in ${number(total.requests)} requests sent in ${seconds.sending.toFixed(1)} s (${asked}): ${number(rates.accepted)} items/s accepted.`,
    `Everything had its verdict ${seconds.draining.toFixed(1)} s after the last answer: ${number(rates.stored)} items/s stored.`,
  ];
  if (open_loop)
    lines.push(
      `Requests that started late: ${number(open_loop.late_requests)} (at most ${open_loop.max_late_ms.toFixed(0)} ms). Items due and never sent: ${number(open_loop.unsent_items)}.`,
    );
  const asLater = Object.entries(answers.later).map(([status, n]) => `${status}: ${number(n)}`);
  lines.push(
    `Told to come again: ${asLater.length > 0 ? asLater.join(', ') : 'never'}. Answers lost: ${number(answers.lost)}. Waited to repeat: ${(answers.paused_ms / 1_000).toFixed(1)} s over all connections.`,
    '',
    'Milliseconds until a request was acknowledged',
    ...latencyTable(report),
    '',
    'The answers beside the balance',
    ...checks.table(['', 'expected', 'found'], ''),
    '',
    ...checks.verdict(),
  );
  return lines;
}

function latencyTable(report: LoadReport): string[] {
  const row = (name: string, counts: CallCounts, latency: Latency | null): string[] => [
    name,
    ...[counts.requests, counts.sent].map(number),
    ...(latency === null ? ['-', '-', '-', '-'] : [latency.p50, latency.p90, latency.p99, latency.max].map((ms) => ms.toFixed(1))),
  ];
  const calls = Object.entries(report.calls).map(([name, { latency_ms, ...counts }]) => row(name, counts, latency_ms));
  return columns([['call', 'requests', 'items', 'p50', 'p90', 'p99', 'max'], ...calls, row('all', report.total, report.latency_ms)]);
}

const round = (n: number): number => Math.round(n * 1_000) / 1_000;
