/** What a load is made of: four calls, each with its share of the items. */
import type { BatchPath } from '../client/client.ts';

export const CALLS = ['single_upsert', 'upsert_batch', 'single_event', 'event_batch'] as const;
export type CallName = (typeof CALLS)[number];
export type Mix = Readonly<Record<CallName, number>>;

export type CallKind = { readonly path: BatchPath | '/api/contacts.upsert'; readonly single: boolean; readonly events: boolean };

export const CALL_KINDS: Readonly<Record<CallName, CallKind>> = {
  single_upsert: { path: '/api/contacts.upsert', single: true, events: false },
  upsert_batch: { path: '/api/contacts.import', single: false, events: false },
  single_event: { path: '/api/timeline.ingest', single: true, events: true },
  event_batch: { path: '/api/timeline.ingest', single: false, events: true },
};

/** Reads `single_upsert=5,event_batch=95`; calls that are not named have no share. Returns what is wrong as text. */
export function parseMix(text: string): Mix | string {
  const shares: Record<CallName, number> = { single_upsert: 0, upsert_batch: 0, single_event: 0, event_batch: 0 };
  for (const part of text.split(',')) {
    const [, name, share] = /^\s*([a-z_]+)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    const call = CALLS.find((known) => known === name);
    if (call === undefined || share === undefined) return `"${part.trim()}" is not call=share; calls are ${CALLS.join(', ')}`;
    shares[call] = Number(share);
  }
  return CALLS.some((call) => shares[call] > 0) ? shares : 'no call has a share above 0';
}

/** How often each call is made so that its *items* have their share: a batch brings many at once. */
export function requestWeights(mix: Mix, batch: number): Mix {
  const weight = (call: CallName): number => mix[call] / (CALL_KINDS[call].single ? 1 : batch);
  return {
    single_upsert: weight('single_upsert'),
    upsert_batch: weight('upsert_batch'),
    single_event: weight('single_event'),
    event_batch: weight('event_batch'),
  };
}
