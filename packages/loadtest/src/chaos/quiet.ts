/** Waiting, after the last request, until nothing is on its way any more; what does not drain is named with its depth. */
import { type Pool, undelivered } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import type { QueueDepth, QueueWatch } from './queues.ts';
import type { Check } from './verify/check.ts';

const LONGEST_MS = 60_000;
const POLL_MS = 200;

export type Quiet = { afterMs: number; check: Check };

export async function waitForQuiet(pool: Pool, queues: QueueWatch, signal: AbortSignal): Promise<Quiet> {
  const from = Date.now();
  for (;;) {
    signal.throwIfAborted();
    const depths = await queues.depths();
    const { rows } = await undelivered(pool);
    const busy = depths.filter(({ waiting, active }) => waiting + active > 0);
    const afterMs = Date.now() - from;
    if ((busy.length === 0 && rows === 0) || afterMs > LONGEST_MS) return { afterMs, check: judge(depths, rows) };
    await sleep(POLL_MS, signal);
  }
}

/** Failed jobs count, too: a chunk never fails by design. */
export function judge(depths: readonly QueueDepth[], undeliveredRows: number): Check {
  const faults = depths.map(
    ({ queue, waiting, active, failed }) => `${queue}: ${waiting} jobs waiting, ${active} being worked on, ${failed} failed`,
  );
  if (undeliveredRows > 0) faults.push(`${undeliveredRows} ledger rows are not delivered`);
  return { name: 'every queue drained, everything delivered', checked: depths.length, faults };
}
