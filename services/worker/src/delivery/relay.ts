/**
 * The relay: leases undelivered ledger rows, delivers them, marks them. Runs in every worker process; leases keep two relays from
 * doing the same work, and if they do, nothing changes.
 */
import { leaseOutbox, markDelivered, type OutboxRow, releaseLeases } from '@muster/postgres';
import { announceDone } from '@muster/queues';
import { errorFields, sleep, Wakeup } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { deliverOutboxes } from './deliver.ts';

/** Longer than a delivery takes; a killed worker's rows wait this long. */
const LEASE_SECONDS = 8;
/** What one delivery packs: many small chunks, or few large ones (2 MiB of outbox are about 15,000 entries). */
const ROWS = 400;
const BYTES = 2 * 1_024 * 1_024;
const IDLE_MS = 250;
/** Deliveries under way at once in one process: the next lease is read while the last insert is on its way. */
const IN_FLIGHT = 2;

export type Relay = { wake: () => void; stop: () => Promise<void> };

/** Starts the relay's loops. `wake` makes an idle loop look at once. `deps` is a getter because the relay is part of it. */
export function startRelay(deps: () => Deps): Relay {
  const wakeup = new Wakeup();
  let stopping = false;
  const loop = async () => {
    while (!stopping) if ((await step(deps())) === 0) await wakeup.wait(IDLE_MS);
  };
  // The first round runs in the next turn: the caller is still building `deps`.
  const loops = Array.from({ length: IN_FLIGHT }, () => sleep(1).then(loop));
  return {
    wake: () => wakeup.notify(),
    stop: async () => {
      stopping = true;
      wakeup.notify();
      await Promise.all(loops);
    },
  };
}

/** One round; returns how many rows were delivered. Never throws: an error gives the rows back. */
async function step(deps: Deps): Promise<number> {
  let rows: OutboxRow[] = [];
  try {
    rows = await leaseOutbox(deps.pool, ROWS, BYTES, LEASE_SECONDS);
    if (rows.length === 0) return 0;
    await deliverOutboxes(deps, rows);
    await markDelivered(
      deps.pool,
      rows.map((r) => r.chunk_id),
    );
    await announceDone(
      deps.redis,
      rows.map((r) => ({ chunkId: r.chunk_id, replyTo: r.reply_to })),
    );
    const now = Date.now();
    for (const row of rows)
      deps.metrics.storedSeconds.observe({ source: sourceOf(row.chunk_id) }, Math.max(0, now - row.accepted_at / 1_000) / 1_000);
    return rows.length;
  } catch (error) {
    deps.log.warn({ rows: rows.length, ...errorFields(error) }, 'delivery failed, it will be repeated');
    await sleep(500);
    await releaseLeases(
      deps.pool,
      rows.map((r) => r.chunk_id),
    ).catch((e: unknown) => deps.log.warn(errorFields(e), 'leases not returned, they will run out'));
    return 0;
  }
}

function sourceOf(chunkId: string): string {
  if (chunkId.startsWith('p')) return 'profile';
  return chunkId.startsWith('e') ? 'custom_event' : 'timeline';
}
