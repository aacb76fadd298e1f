/** Options of the soak: environment variables, one schema. Those of the load tool mean the same here. */
import type { z } from 'zod';
import type { EngineOptions } from '../load/engine.ts';
import { amount, loadSchema, parseOptions } from '../load/options.ts';

const { MIX, CONTACTS, IDS } = loadSchema.shape;

export const soakSchema = loadSchema.omit({ DURATION: true, DUPLICATES: true, KEYS: true }).extend({
  MINUTES: amount(0.05, 10_080).default(10).describe('minutes of sending'),
  RATE: amount(1, 10_000_000).default(5_000).describe('items/s, at fixed times'),
  MIX: MIX.prefault('event_batch=98,single_event=1,single_upsert=1').describe('share of the items that each call brings'),
  CONTACTS: CONTACTS.prefault(50_000).describe('contacts that items are about; memory that follows from their number is reached early'),
  IDS: IDS.prefault('0').describe('1 = ids and Idempotency-Keys: Redis remembers each for a day or more, so its memory grows by design'),
});
export type SoakOptions = z.infer<typeof soakSchema>;

export function soakOptions(env: NodeJS.ProcessEnv): SoakOptions {
  return parseOptions(soakSchema, env);
}

export function engineOptions({ MINUTES, REPORT: _file, ...options }: SoakOptions): EngineOptions {
  return { ...options, DURATION: MINUTES * 60, DUPLICATES: 0, KEYS: options.IDS };
}
