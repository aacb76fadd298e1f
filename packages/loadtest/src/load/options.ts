/** Options of the load tool: environment variables, one schema, one table of help. */
import { z } from 'zod';
import { LoadError } from './errors.ts';
import { parseMix } from './mix.ts';

export const whole = (min: number, max: number) =>
  z.coerce.number(`give a whole number from ${min} to ${max}`).int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`);
export const amount = (min: number, max: number) =>
  z.coerce.number(`give a number from ${min} to ${max}`).min(min, `must be at least ${min}`).max(max, `must be at most ${max}`);
export const flag = (fallback: '0' | '1') =>
  z
    .enum(['0', '1'], 'give 0 or 1')
    .default(fallback)
    .transform((v) => v === '1');

export const loadSchema = z.object({
  RATE: amount(0, 10_000_000).default(0).describe('items/s, at fixed times (open loop); 0 = as fast as answers come (closed loop)'),
  DURATION: amount(0.1, 604_800).default(30).describe('seconds of sending'),
  CONNECTIONS: whole(1, 4_096).default(32).describe('connections, each with one request at a time'),
  BATCH: whole(1, 5_000).default(500).describe('items in a batch request'),
  MIX: z
    .string()
    .default('single_upsert=5,upsert_batch=25,single_event=10,event_batch=60')
    .transform((text, context) => {
      const mix = parseMix(text);
      if (typeof mix !== 'string') return mix;
      context.addIssue({ code: 'custom', message: mix });
      return z.NEVER;
    })
    .describe('share of the items that each call brings; calls left out bring none'),
  CONTACTS: whole(1, 20_000_000).default(100_000).describe('contacts that items are about'),
  SKEW: amount(0, 5).default(0).describe('Zipf exponent of the choice of contacts: 0 = all alike, 1 = few are busy'),
  DUPLICATES: amount(0, 1).default(0).describe('share of requests with events that are sent again, same ids, another Idempotency-Key'),
  IDS: flag('1').describe('1 = events carry ids'),
  KEYS: flag('1').describe('1 = requests carry an Idempotency-Key'),
  SEED: whole(0, 999_999_999).default(1).describe('the same seed chooses the same calls, contacts and values'),
  REPORT: z.string().default('').describe('file for the JSON report'),
});
export type LoadOptions = z.infer<typeof loadSchema>;

/** Options from the environment; empty variables count as absent. @throws LoadError naming each faulty one. */
export function parseOptions<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv): z.infer<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}="${env[String(path[0])] ?? ''}": ${message}`);
  throw new LoadError(`Some options cannot be used (HELP=1 lists them all):\n${lines.join('\n')}`);
}

export function loadOptions(env: NodeJS.ProcessEnv): LoadOptions {
  const options = parseOptions(loadSchema, env);
  if (options.DUPLICATES > 0 && !options.IDS)
    throw new LoadError('DUPLICATES needs IDS=1: without ids an event that is sent again counts as another event.');
  return options;
}

/** One line per option: name, default, meaning. */
export function helpLines(schema: z.ZodObject): string[] {
  const rows = Object.entries(schema.shape).map(([name, option]) => {
    const fallback = z.toJSONSchema(option, { io: 'input', unrepresentable: 'any' }).default;
    return { name: `${name}=${String(fallback ?? '')}`, meaning: z.globalRegistry.get(option)?.description ?? '' };
  });
  // One long default must not push every meaning off the screen.
  return rows.map(({ name, meaning }) => (name.length < 20 ? `  ${name.padEnd(20)} ${meaning}` : `  ${name}\n${' '.repeat(23)}${meaning}`));
}
