/**
 * The relay: delivers what ledger rows owe, and marks them. Runs in every worker process. It takes its work from two places:
 *
 *   offered   by a lane of this process, right after its commit, with the rows as they were written. The ledger row is leased
 *             from the start: if this process dies, the lease runs out and any relay finds it there
 *   leased    undelivered ledger rows: whatever nobody offered, of processes that died, and more than this process has room for
 *
 * Leases keep two relays from doing the same work, and if they do, nothing changes.
 */
import { leaseOutbox, markDelivered, releaseLeases } from '@muster/postgres';
import { announceDone } from '@muster/queues';
import { errorFields, sleep, Wakeup } from '@muster/runtime';
import type { Deps } from '../deps.ts';
import { deliver } from './deliver.ts';
import { type Delivery, parseOutbox, weightOf } from './outbox.ts';

/** Longer than a delivery takes; a killed worker's rows wait this long. */
export const LEASE_SECONDS = 8;
/** What one delivery packs: many small chunks, or few large ones (2 MiB of outbox are about 15,000 entries). */
const ROWS = 400;
const BYTES = 2 * 1_024 * 1_024;
const OFFERED_ENTRIES = 15_000;
/** Offered entries kept in memory; what comes on top waits in the ledger, where it costs nothing. */
const ROOM_ENTRIES = 30_000;
const IDLE_MS = 250;
/** Deliveries under way at once in one process: the next lease is read while the last insert is on its way. */
const IN_FLIGHT = 2;

export type Relay = {
  /** True when an offer would be taken now; asked before the commit, because the ledger row says whether it is leased. */
  hasRoom: () => boolean;
  /** Takes over the delivery of a committed chunk whose ledger row is leased. */
  offer: (delivery: Delivery) => void;
  /** Makes an idle loop look at the ledger at once. */
  wake: () => void;
  stop: () => Promise<void>;
};

/** Starts the relay's loops. `deps` is a getter because the relay is part of it. */
export function startRelay(deps: () => Deps): Relay {
  const wakeup = new Wakeup();
  const offered: Delivery[] = [];
  let offeredEntries = 0;
  let stopping = false;
  const takeOffered = (): Delivery[] => {
    let n = 0;
    let entries = 0;
    while (n < offered.length && entries < OFFERED_ENTRIES) entries += weightOf(offered[n++] as Delivery);
    offeredEntries -= entries;
    return offered.splice(0, n);
  };
  const loop = async () => {
    while (!stopping || offered.length > 0) {
      const mine = takeOffered();
      const delivered = await step(deps(), mine);
      if (delivered === 0 && offered.length === 0) await wakeup.wait(IDLE_MS);
    }
  };
  // The first round runs in the next turn: the caller is still building `deps`.
  const loops = Array.from({ length: IN_FLIGHT }, () => sleep(1).then(loop));
  return {
    hasRoom: () => !stopping && offeredEntries < ROOM_ENTRIES,
    offer: (delivery) => {
      offered.push(delivery);
      offeredEntries += weightOf(delivery);
      wakeup.notify();
    },
    wake: () => wakeup.notify(),
    stop: async () => {
      stopping = true;
      wakeup.notify();
      await Promise.all(loops);
    },
  };
}

/** One round: what was offered, else what the ledger has. Returns how many rows were delivered. Never throws: an error gives them back. */
async function step(deps: Deps, offered: readonly Delivery[]): Promise<number> {
  let work = offered;
  try {
    if (work.length === 0) work = await leased(deps);
    if (work.length === 0) return 0;
    await deliver(deps, work);
    await markDelivered(
      deps.pool,
      work.map((d) => d.chunkId),
    );
    await announceDone(deps.redis, work);
    const now = Date.now();
    for (const { chunkId, acceptedAt } of work)
      deps.metrics.storedSeconds.observe({ source: sourceOf(chunkId) }, Math.max(0, now - acceptedAt / 1_000) / 1_000);
    return work.length;
  } catch (error) {
    deps.log.warn({ rows: work.length, ...errorFields(error) }, 'delivery failed, it will be repeated');
    await giveBack(deps, work);
    return 0;
  }
}

/**
 * Returns the leases, so that the work is taken up soon. When Postgres was what failed, it is asked again and again until it is back:
 * waiting for the leases to run out would be most of the time that its restart costs. A process that stops lets them run out.
 */
async function giveBack(deps: Deps, work: readonly Delivery[]): Promise<void> {
  const runOutAt = performance.now() + LEASE_SECONDS * 1_000;
  for (;;) {
    await sleep(500);
    try {
      return await releaseLeases(
        deps.pool,
        work.map((d) => d.chunkId),
      );
    } catch (error) {
      if (performance.now() < runOutAt && !deps.stopping()) continue;
      return deps.log.warn(errorFields(error), 'leases not returned, they run out');
    }
  }
}

async function leased(deps: Deps): Promise<Delivery[]> {
  return (await leaseOutbox(deps.pool, ROWS, BYTES, LEASE_SECONDS)).map((row) => ({
    chunkId: row.chunk_id,
    workspaceId: row.workspace_id,
    acceptedAt: row.accepted_at,
    replyTo: row.reply_to,
    outbox: parseOutbox(row.outbox),
    written: null,
  }));
}

function sourceOf(chunkId: string): string {
  if (chunkId.startsWith('p')) return 'profile';
  return chunkId.startsWith('e') ? 'custom_event' : 'timeline';
}
