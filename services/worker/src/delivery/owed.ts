/** What a committed chunk still owes ClickHouse, and who sees to it. */
import { releaseLeases } from '@muster/postgres';
import { announceDone } from '@muster/queues';
import type { Deps } from '../deps.ts';
import { type Delivery, serializeOutbox } from './outbox.ts';
import { LEASE_SECONDS } from './relay.ts';

/** Nothing; a row of the ledger that any relay takes; or a delivery that this process does itself, its ledger row being leased. */
export type Owed = 'nothing' | 'ledger' | Delivery;

/** What the ledger row of a chunk says about its delivery. Asked inside the transaction, before the row is written. */
export function oweDelivery(deps: Deps, delivery: Delivery): { outbox: string | null; leaseSeconds: number; owed: Owed } {
  const outbox = serializeOutbox(delivery.outbox);
  if (outbox === null) return { outbox, leaseSeconds: 0, owed: 'nothing' };
  return deps.relayHasRoom() ? { outbox, leaseSeconds: LEASE_SECONDS, owed: delivery } : { outbox, leaseSeconds: 0, owed: 'ledger' };
}

/**
 * For a chunk that was applied before: by a process that is gone, or by this one, whose connection broke in the commit. Nobody may be at
 * its delivery then, so it need not wait until the lease runs out; if somebody is, the same rows come twice, and are one.
 */
export async function takeUpDelivery(deps: Deps, chunkId: string): Promise<void> {
  await releaseLeases(deps.pool, [chunkId]);
  deps.wakeRelay();
}

/** Sees to what is owed, once the transaction is committed. */
export async function settleOwed(deps: Deps, owed: Owed, done: { chunkId: string; replyTo: string | null }): Promise<void> {
  if (owed === 'nothing') await announceDone(deps.redis, [done]);
  else if (owed === 'ledger') deps.wakeRelay();
  else deps.offerDelivery(owed);
}
