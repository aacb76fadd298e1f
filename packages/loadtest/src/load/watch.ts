/** The live line of a load: rewritten in place on a terminal, a line every ten seconds elsewhere. */
import { sleep } from '@muster/runtime';
import type { Balance } from '../client/answers.ts';
import type { ClientStats, MusterClient } from '../client/client.ts';
import { number } from '../demo/output.ts';
import { difference, endedOf } from '../demo/settle.ts';
import type { CallCounts, Latency } from './tally.ts';

export type Screen = { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown };

/** One look at a load: what producers know, what the system says, and latency since the last look. */
export type Look = { seconds: number; total: CallCounts; stats: ClientStats; window: Latency | null; balance: Balance };

export function liveLine({ seconds, total, stats, window, balance }: Look): string {
  const stored = endedOf(balance);
  const latency = window === null ? 'p50 - p99 -' : `p50 ${window.p50.toFixed(1)} p99 ${window.p99.toFixed(1)} ms`;
  const parts = [
    `${seconds.toFixed(0)} s`,
    `sent ${number(total.sent)}`,
    `accepted ${number(total.accepted)}`,
    `rejected ${number(total.rejected)}`,
    `429 ${number(stats.later[429] ?? 0)} 503 ${number(stats.later[503] ?? 0)}`,
    latency,
    `waiting ${number(balance.waiting)} chunks`,
    `stored ${number(stored)}`,
    `lag ${number(Math.max(0, total.accepted - stored))}`,
  ];
  return parts.join('  ');
}

export type Watched = {
  readonly screen: Screen;
  /** Asked once a look, with its own connections: it must not queue behind the load. */
  readonly client: MusterClient;
  readonly before: Balance;
  readonly look: () => Omit<Look, 'balance' | 'seconds'>;
};

/** Shows a line until stopped. @returns how to stop it. */
export function watch({ screen, client, before, look }: Watched): () => Promise<void> {
  const ending = new AbortController();
  const startedAt = performance.now();
  const live = screen.isTTY === true;
  const loop = async (): Promise<void> => {
    for (;;) {
      await sleep(live ? 1_000 : 10_000, ending.signal);
      if (ending.signal.aborted) return;
      const balance = await client.balance().then(
        (now) => difference(before, now),
        () => null,
      );
      // What is wrong with the system ends the load itself; the line only misses a second.
      if (balance === null || ending.signal.aborted) continue;
      show(screen, liveLine({ ...look(), balance, seconds: (performance.now() - startedAt) / 1_000 }));
    }
  };
  const running = loop();
  return async () => {
    ending.abort();
    await running;
    if (live) wipe(screen);
  };
}

function show(screen: Screen, line: string): void {
  if (screen.isTTY !== true) {
    screen.write(`  ${line}\n`);
    return;
  }
  wipe(screen);
  // A line that wraps cannot be taken back.
  screen.write(line.slice(0, Math.max(20, (screen.columns ?? 80) - 1)));
}

/** Back to the first column, and the line erased. */
function wipe(screen: Screen): void {
  screen.write('\r\u001b[2K');
}
