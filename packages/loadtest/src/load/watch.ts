/** A line about work in progress: rewritten in place on a terminal, a line every ten seconds elsewhere. */
import { sleep } from '@muster/runtime';
import type { Balance } from '../client/answers.ts';
import type { ClientStats } from '../client/client.ts';
import { number } from '../demo/output.ts';
import { endedOf } from '../demo/settle.ts';
import type { CallCounts, Latency } from './tally.ts';

export type Screen = { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown };

/** One look at a load: what producers know, latency since the last look, and what happened in the system since the load began. */
export type Look = { total: CallCounts; stats: ClientStats; window: Latency | null; balance: Balance };

export function loadLine({ total, stats, window, balance }: Look): string {
  const stored = endedOf(balance);
  const ms = (of: number | undefined): string => (of === undefined ? '-' : of.toFixed(1));
  return [
    `sent ${number(total.sent)} accepted ${number(total.accepted)} rejected ${number(total.rejected)}`,
    `429/503 ${number(stats.later[429] ?? 0)}/${number(stats.later[503] ?? 0)}`,
    `p50/p99 ${ms(window?.p50)}/${ms(window?.p99)} ms`,
    `waiting ${number(balance.waiting)} chunks`,
    `stored ${number(stored)} lag ${number(Math.max(0, total.accepted - stored))}`,
  ].join(' | ');
}

const EVERY_MS = { terminal: 1_000, elsewhere: 10_000 };
/** A look may cost the system a tenth of the time at most: counting a long ledger takes longer and longer. */
const SHARE_OF_TIME = 10;

/**
 * Shows the text of `line` until stopped; null shows nothing this time, and so does a failed look: what is wrong with the system ends
 * the work itself, with its reason.
 *
 * @returns how to stop it.
 */
export function watch(screen: Screen, line: () => Promise<string | null>): () => Promise<void> {
  const ending = new AbortController();
  const startedAt = performance.now();
  const live = screen.isTTY === true;
  const loop = async (): Promise<void> => {
    for (let pause = live ? EVERY_MS.terminal : EVERY_MS.elsewhere; ; ) {
      await sleep(pause, ending.signal);
      if (ending.signal.aborted) return;
      const from = performance.now();
      const text = await line().catch(() => null);
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
