/** Options of chaos: environment variables, one schema. */
import { z } from 'zod';
import { LoadError } from '../load/errors.ts';
import { amount, parseOptions, whole } from '../load/options.ts';
import { FAULTS, type Fault } from './faults/index.ts';

export const chaosSchema = z.object({
  MINUTES: amount(0.1, 10_080).default(5).describe('minutes in which faults happen, under load; every kind in five'),
  SEED: whole(0, 999_999_999).default(7).describe('the same seed chooses the same faults, targets, times and items'),
  RATE: amount(1, 100_000).default(250).describe('items/s at most; producers hold back when more than 40 chunks wait'),
  EVERY: amount(3, 3_600).default(12.4).describe('seconds from one fault to the next, which waits for the end of the one before'),
  FAULTS: z
    .string()
    .default('')
    .describe(`only these kinds, with commas between; all of them: ${FAULTS.map(({ kind }) => kind).join(', ')}`),
  RECOVERY: amount(1, 60).default(15).describe('seconds within which everything must work again after each fault'),
  REPORT: z.string().default('').describe('file for the JSON report; by default one in the directory for temporary files'),
});
export type ChaosOptions = z.infer<typeof chaosSchema>;

/** @throws LoadError naming each faulty one. */
export function chaosOptions(env: NodeJS.ProcessEnv): ChaosOptions {
  return parseOptions(chaosSchema, env);
}

/** The kinds of fault that the options ask for. @throws LoadError when one does not exist. */
export function chosenFaults({ FAULTS: names }: ChaosOptions): readonly Fault[] {
  const wanted = names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (wanted.length === 0) return FAULTS;
  const unknown = wanted.filter((name) => !FAULTS.some(({ kind }) => kind === name));
  if (unknown.length > 0) throw new LoadError(`There is no fault "${unknown.join('", "')}". HELP=1 lists them.`);
  return FAULTS.filter(({ kind }) => wanted.includes(kind));
}
