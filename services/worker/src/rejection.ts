import { identityHash, type NewRejection } from '@muster/postgres';
import type { Refusal } from './refusals.ts';

/** A rejection row: reason, payload, and the keyed hash (of the address, else of the external_id) by which an erasure finds it. */
export function toRejection(
  hashKey: string,
  refusal: Refusal,
  item: { itemId: string; jobId: string; source: string; payload: unknown; acceptedAt: number } & Subject,
): NewRejection {
  return {
    item_id: item.itemId,
    job_id: item.jobId,
    source: item.source,
    ...refusal,
    payload: JSON.stringify(item.payload),
    email_hash: subjectHash(hashKey, item),
    accepted_at: item.acceptedAt,
  };
}

/** Whom an item is about, as far as it says so. */
export type Subject = { email: string | null | undefined; externalId?: string | null | undefined };

function subjectHash(hashKey: string, { email, externalId }: Subject): string | null {
  if (typeof email === 'string') return identityHash(hashKey, 'email', email);
  return typeof externalId === 'string' ? identityHash(hashKey, 'external_id', externalId) : null;
}
