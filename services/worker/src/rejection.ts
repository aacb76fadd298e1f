import { identityHash, type NewRejection } from '@muster/postgres';
import type { Refusal } from './refusals.ts';

/** A rejection row: reason, payload, and the keyed hash by which an erasure finds it. */
export function toRejection(
  hashKey: string,
  refusal: Refusal,
  item: { itemId: string; jobId: string; source: string; payload: unknown; email: string | null; acceptedAt: number },
): NewRejection {
  return {
    item_id: item.itemId,
    job_id: item.jobId,
    source: item.source,
    ...refusal,
    payload: JSON.stringify(item.payload),
    email_hash: item.email === null ? null : identityHash(hashKey, 'email', item.email),
    accepted_at: item.acceptedAt,
  };
}
