/** A line about work in progress: rewritten in place on a terminal, a line every ten seconds elsewhere. */
import { sleep } from '@muster/runtime';
import type { Balance } from '../client/answers.ts';
import type { ClientStats } from '../client/client.ts';
import { number } from '../demo/output.ts';
import { endedOf } from '../demo/settle.ts';
import type { CallCounts, Latency } from './tally.ts';

export type Screen = { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown };

/**
 * One look at a load: what producers know, latency since the last look, and what happened in the system since the load began; null
 * when it does not say.
 */
export type Look = { total: CallCounts; stats: ClientStats; window: Latency | null; balance: Balance | null };

export function loadLine({ total, stats, window, balance }: Look): string {
  const stored = balance === null ? 0 : endedOf(balance);
  const ms = (of: number | undefined): string => (of === undefined ? '-' : of.toFixed(1));
  return [
    `sent ${number(total.sent)} accepted ${number(total.accepted)} rejected ${number(total.rejected)}`,
    `429/503 ${number(stats.later[429] ?? 0)}/${number(stats.later[503] ?? 0)}`,
    `p50/p99 ${ms(window?.p50)}/${ms(window?.p99)} ms`,
    ...(balance === null
      ? [`the balance cannot be read, ${number(stats.lost)} answers lost`]
      : [`waiting ${number(balance.waiting)} chunks`, `stored ${number(stored)} lag ${number(Math.max(0, total.accepted - stored))}`]),
  ].join(' | ');
}

const UNANSWERED_MS = 2_000;

/** The value, or null when it fails or takes too long: a line must come also when the system stands still. */
export function soon<T>(value: Promise<T>): Promise<T | null> {
  const failed = value.catch(() => null);
  return Promise.race([failed, sleep(UNANSWERED_MS).then(() => null)]);
}

const EVERY_MS = { terminal: 1_000, elsewhere: 10_000 };
/** A look may cost the system a tenth of the time at most: counting a long ledger takes longer and longer. */
const SHARE_OF_TIME = 10;

/** Shows the text of `line`, which must not fail, until stopped; null shows nothing this time. @returns how to stop it. */
export function watch(screen: Screen, line: () => Promise<string | null>): () => Promise<void> {
  const ending = new AbortController();
  const startedAt = performance.now();
  const live = screen.isTTY === true;
  const loop = async (): Promise<void> => {
    for (let pause = live ? EVERY_MS.terminal : EVERY_MS.elsewhere; ; ) {
      await sleep(pause, ending.signal);
      if (ending.signal.aborted) return;
      const from = performance.now();
      const text = await line();
      pause = Math.max(live ? EVERY_MS.terminal : EVERY_MS.elsewhere, SHARE_OF_TIME * (performance.now() - from));
      if (text === null || ending.signal.aborted) continue;
      show(screen, `${((performance.now() - startedAt) / 1_000).toFixed(0)} s | ${text}`);
    }
  };
  const running = loop();
  return async () => {
    ending.abort();
    await running;
    if (live) screen.write(WIPE);
  };
}

/** Back to the first column, and the line erased. */
const WIPE = '\r\u001b[2K';

function show(screen: Screen, line: string): void {
  if (screen.isTTY !== true) screen.write(`  ${line}\n`);
  // A line that wraps cannot be taken back. A terminal may not know its width: 0 columns.
  else screen.write(`${WIPE}${line.slice(0, Math.max(20, (screen.columns || 120) - 1))}`);
}
