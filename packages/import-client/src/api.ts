/** Calls of the API, and their answers checked. What passes by itself is tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError, ClientError } from './errors.ts';

const count = z.number();
const importSchema = z.object({
  id: z.string(),
  file_name: z.string(),
  status: z.enum(['uploading', 'uploaded', 'running', 'paused', 'completed', 'cancelled', 'failed']),
  size: count.nullable(),
  phase: z.enum(['scan', 'apply']).nullable(),
  scanned: count,
  records: count,
  done: count,
  counts: z.object({ created: count, updated: count, unchanged: count, rejected: count, duplicate: count }),
  memberships: z.record(z.string(), count),
  rate: count.nullable(),
  eta_seconds: count.nullable(),
  dry_run: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type Import = z.infer<typeof importSchema>;
export const importAnswer = z.object({ import: importSchema, tus_url: z.string().optional() });

export const previewAnswer = z.object({
  encoding: z.string(),
  delimiter: z.string(),
  header: z.boolean(),
  columns: z.array(
    z.object({
      index: count,
      header: z.string(),
      suggestion: z.string().nullable(),
      confidence: count,
      type: z.string(),
      samples: z.array(z.string()),
    }),
  ),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
});
export type Preview = z.infer<typeof previewAnswer>;

const errorAnswer = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ field: z.string().optional(), code: z.string(), message: z.string() })).optional(),
  }),
});

/** Together about a minute: a restart, or a full queue, is over by then. */
const WAITS_MS = [200, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 10_000, 10_000, 10_000];
const FIRST_TRIES = 3;
const PASSING = new Set([408, 423, 425, 429, 500, 502, 503, 504]);

type Init = { method?: string; headers?: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> };

export class ApiClient {
  readonly url: string;
  readonly #key: string;
  readonly #signal: AbortSignal;
  #heard = false;

  constructor(url: string, key: string, signal: AbortSignal) {
    this.url = url;
    this.#key = key;
    this.#signal = signal;
  }

  async get<T extends z.ZodType>(call: string, query: Record<string, string>, shape: T): Promise<z.infer<T>> {
    return this.#read(await this.send(`${this.url}/api/${call}?${new URLSearchParams(query)}`), shape);
  }

  async post<T extends z.ZodType>(call: string, body: unknown, shape: T): Promise<z.infer<T>> {
    const headers = { 'content-type': 'application/json' };
    return this.#read(await this.send(`${this.url}/api/${call}`, { method: 'POST', headers, body: JSON.stringify(body) }), shape);
  }

  /** An answer that is no error. Tried again while what is wrong may pass. @throws ApiError, ClientError */
  async send(url: string, init: Init = {}): Promise<Response> {
    for (let tries = 0; ; tries += 1) {
      const answer = await this.#once(url, init);
      if (answer instanceof Response && answer.ok) return answer;
      const failure = answer instanceof Response ? await errorOf(answer) : answer;
      // A wrong address is no pause: it is told soon.
      const wait = this.#heard || tries < FIRST_TRIES ? WAITS_MS[tries] : undefined;
      const passes = !(failure instanceof ApiError) || PASSING.has(failure.status);
      if (!passes || wait === undefined) throw failure;
      await sleep(wait, undefined, { signal: this.#signal });
    }
  }

  async #once(url: string, { method = 'GET', headers = {}, body }: Init): Promise<Response | ClientError> {
    try {
      const response = await fetch(url, {
        method,
        headers: { ...headers, authorization: `Bearer ${this.#key}` },
        signal: this.#signal,
        ...(body === undefined ? {} : { body }),
      });
      this.#heard = true;
      return response;
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof TypeError)) throw error;
      return new ClientError(`Nothing answers at ${this.url}. Start Muster (make start), or set MUSTER_API_URL to where it is.`);
    }
  }

  async #read<T extends z.ZodType>(response: Response, shape: T): Promise<z.infer<T>> {
    const parsed = shape.safeParse(await response.json().catch(() => null));
    if (parsed.success) return parsed.data;
    throw new ClientError(`${this.url} does not answer like Muster; is MUSTER_API_URL right?`);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const parsed = errorAnswer.safeParse(await response.json().catch(() => null));
  if (!parsed.success) return new ApiError(response.status, 'unknown', `The answer is ${response.status}, and says no more.`);
  const { code, message, details } = parsed.data.error;
  return new ApiError(response.status, code, message, details);
}
