/**
 * Advisory locks, all transaction-scoped. Order of taking, always the same, so that no two transactions can wait for each
 * other: lane → erasure gate → external ids (sorted).
 */
import type { Client } from './pool.ts';

const LANE = 1;
const ERASURE_GATE = 2;

/** One writer per lane, also when BullMQ gave the same job to two workers after a lost lock. */
export async function lockLane(client: Client, kind: 'profile' | 'custom_event', lane: number): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [LANE, kind === 'profile' ? lane : 1_000 + lane]);
}

/** Writers share the gate of their workspace; an erasure takes it alone, so no writer can have read before and write after it. */
export async function enterErasureGate(client: Client, workspaceId: number): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock_shared($1, $2)', [ERASURE_GATE, workspaceId]);
}

export async function closeErasureGate(client: Client, workspaceId: number): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [ERASURE_GATE, workspaceId]);
}

/**
 * Locks external ids, present or not (an absent row cannot be locked): two lanes that set the same id, and parking against
 * setting, meet here. Sorted inside the statement, because unsorted takers deadlock.
 */
export async function lockExternalIds(client: Client, workspaceId: number, externalIds: readonly string[]): Promise<void> {
  // Postgres takes no NUL, so nobody has such an id; the item is refused later, alone, where refusing does not end the transaction.
  const storable = externalIds.filter((id) => !id.includes('\0'));
  if (storable.length === 0) return;
  await client.query(
    `SELECT pg_advisory_xact_lock(k) FROM
       (SELECT DISTINCT hashtextextended(x, $1::bigint) AS k FROM unnest($2::text[]) AS x ORDER BY 1) AS keys`,
    [workspaceId, storable],
  );
}
