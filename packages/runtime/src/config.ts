/**
 * Configuration: one zod schema per component, read from the environment, validated at boot.
 *
 * Every variable begins with `MUSTER_`. The local stack, docker-compose.yml and docs/operating.md list the variables
 * from these same schemas, so a variable that is not here does not exist.
 */
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const flag = z
  .enum(['0', '1', 'true', 'false'])
  .default('0')
  .transform((v) => v === '1' || v === 'true');

export const coreSchema = z.object({
  MUSTER_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('pino log level'),
  MUSTER_FAILPOINTS: z.string().default('').describe('tests only: name=action pairs that kill, stop or fail the process at a named point'),
});

export const storesSchema = coreSchema.extend({
  MUSTER_POSTGRES_URL: z.string().min(1).describe('postgres://user:password@host:port/database'),
  MUSTER_REDIS_URL: z.string().min(1).describe('redis://host:port'),
  MUSTER_CLICKHOUSE_URL: z.string().min(1).describe('http://user:password@host:port/database'),
  MUSTER_LANES: count(1, 64)
    .default(8)
    .describe('number of profile lanes and of custom-event lanes; fixed at first start (another value refuses to start)'),
  MUSTER_HASH_KEY: z
    .string()
    .min(16)
    .describe('secret of the keyed hashes that remember erased addresses; losing it forgets every erasure tombstone'),
  MUSTER_POWER_SAFE: flag.describe('1 = ClickHouse fsyncs every insert: acknowledged items also survive power loss, at lower speed'),
});

const importFilesSchema = storesSchema.extend({
  MUSTER_IMPORT_DIR: z
    .string()
    .min(1)
    .default('data/imports')
    .describe('folder of the CSV files of imports, which API and workers share; about three times the size of the files under way'),
  MUSTER_UPLOAD_HOURS: z.coerce
    .number()
    .min(0.0001)
    .max(8_760)
    .default(24)
    .describe('hours after which an import that nobody uploads to or starts is failed and its file removed'),
});

export const apiSchema = importFilesSchema.extend({
  MUSTER_API_HOST: z.string().default('127.0.0.1').describe('address the API listens on'),
  MUSTER_API_PORT: port.default(8080).describe('port of the API'),
  MUSTER_MAX_BODY_BYTES: count(1_024, 1_073_741_824).default(10_485_760).describe('largest request body, in inflated bytes'),
  MUSTER_IMPORT_MAX_BYTES: count(1, 1_099_511_627_776).default(5_368_709_120).describe('largest CSV file that an import takes, in bytes'),
  MUSTER_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'how clients reach the API, for the upload URLs it answers with; without it, the Host and X-Forwarded-* headers of the request',
    ),
  MUSTER_MAX_WAITING_JOBS: count(10, 10_000_000).default(20_000).describe('waiting chunks over all queues above which intake answers 503'),
  MUSTER_MAX_UNDELIVERED: count(10, 10_000_000)
    .default(20_000)
    .describe('ledger rows not yet in ClickHouse above which intake answers 503'),
  MUSTER_MAX_WORKSPACE_ITEMS: count(1_000, 1_000_000_000)
    .default(2_000_000)
    .describe('items one workspace may have waiting before it alone gets 503'),
  MUSTER_REDIS_HIGH_WATER: z.coerce
    .number()
    .min(0.05)
    .max(0.95)
    .default(0.6)
    .describe('share of Redis maxmemory above which intake answers 503'),
});

export const workerSchema = importFilesSchema.extend({
  MUSTER_WORKER_HOST: z.string().default('127.0.0.1').describe('address of the worker health and metrics endpoint'),
  MUSTER_WORKER_PORT: port.default(8082).describe('port of the worker health and metrics endpoint (0 = any free one)'),
  MUSTER_TIMELINE_CONCURRENCY: count(1, 64).default(32).describe('timeline chunks one worker process works on at a time'),
  MUSTER_IMPORT_CONCURRENCY: count(1, 16).default(2).describe('CSV imports one worker process works on at a time'),
  MUSTER_DEDUPE_IDS: count(1_000, 10_000_000_000).default(50_000_000).describe('newest producer ids remembered per workspace'),
  MUSTER_SWEEP_SECONDS: count(1, 3_600).default(10).describe('seconds between sweeps (parked items, deleted lists, erasures, pruning)'),
  MUSTER_PARK_DAYS: z.coerce.number().min(0.0001).max(3_650).default(30).describe('days a parked item waits for its external_id'),
  MUSTER_LEDGER_DAYS: z.coerce.number().min(1).max(3_650).default(30).describe('days a ledger row is kept; older jobs are refused'),
  MUSTER_REJECTION_DAYS: z.coerce.number().min(0.0001).max(3_650).default(30).describe('days a rejection is kept'),
  MUSTER_ERASURE_SETTLE_SECONDS: count(1, 31_536_000)
    .default(86_400)
    .describe('age of an erasure before it may be called complete: longer than any job can live'),
});

export const segmenterSchema = storesSchema.extend({
  MUSTER_SEGMENTER_HOST: z.string().default('127.0.0.1').describe('address of the segmenter health and metrics endpoint'),
  MUSTER_SEGMENTER_PORT: port.default(8083).describe('port of the segmenter health and metrics endpoint (0 = any free one)'),
  MUSTER_SEGMENT_CONCURRENCY: count(1, 64).default(4).describe('workspaces one segmenter process evaluates at a time'),
  MUSTER_SEGMENT_STEP_CONTACTS: count(10, 10_000)
    .default(10_000)
    .describe('touched contacts one step looks at; fewer while steps take longer than 1.5 s'),
  MUSTER_SEGMENT_STEP_SECONDS: count(1, 600).default(10).describe('limit of one incremental evaluation; a segment beyond it fails'),
  MUSTER_SEGMENT_BUILD_SECONDS: count(1, 3_600).default(60).describe('limit of one full computation; a segment beyond it fails'),
  MUSTER_SEGMENT_MEMORY_BYTES: count(10_000_000, 1_000_000_000_000)
    .default(4_000_000_000)
    .describe('memory one statement of an evaluation may use; a segment beyond it fails'),
});

export const boardSchema = storesSchema.extend({
  MUSTER_BOARD_HOST: z.string().default('127.0.0.1').describe('address the board listens on'),
  MUSTER_BOARD_PORT: port.default(8081).describe('port of the board'),
  MUSTER_BOARD_USER: z.string().min(1).default('admin').describe('login of the board'),
  MUSTER_BOARD_PASSWORD: z.string().min(8).describe('password of the board, at least 8 characters; there is no default'),
});

export const adminSchema = storesSchema.omit({ MUSTER_HASH_KEY: true }).extend({
  MUSTER_SQL_DIR: z.string().optional().describe('folder of the migrations; found by itself in a checkout and in the image'),
  MUSTER_DEV_KEY: z.string().optional().describe('key that `bootstrap` gives every scope when --key is absent; development only'),
});

export type CoreConfig = z.infer<typeof coreSchema>;
export type StoresConfig = z.infer<typeof storesSchema>;
export type ApiConfig = z.infer<typeof apiSchema>;
export type WorkerConfig = z.infer<typeof workerSchema>;
export type SegmenterConfig = z.infer<typeof segmenterSchema>;
export type BoardConfig = z.infer<typeof boardSchema>;
export type AdminConfig = z.infer<typeof adminSchema>;

/** A configuration that cannot be used; the message names each variable and what it must be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Parses `env` with `schema`. @throws ConfigError naming every faulty variable (never its value: it may be a secret). */
export function loadConfig<T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv): z.infer<T> {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((i) => `  ${i.path.join('.')}: ${i.message}`);
  throw new ConfigError(
    `The configuration is not usable. Set these environment variables (docs/operating.md lists them):\n${lines.join('\n')}`,
  );
}
