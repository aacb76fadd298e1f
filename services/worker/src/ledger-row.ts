import { type Client, insertLedger, type LedgerEntry } from '@muster/postgres';

/** Another process applied the chunk while this one was at it; everything of this transaction must be undone. */
export class AlreadyAppliedError extends Error {
  override readonly name = 'AlreadyAppliedError';
}

/** Writes the ledger row, the last step of applying a chunk. @throws AlreadyAppliedError when the chunk has one. */
export async function writeLedgerRow(client: Client, entry: LedgerEntry): Promise<void> {
  if (!(await insertLedger(client, entry))) throw new AlreadyAppliedError('the chunk was applied by another process');
}
