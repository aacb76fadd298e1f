/**
 * One request over a keep-alive connection, repeated until it is acknowledged or refused for good.
 *
 * Network errors, 429, 502, 503 and 504 are repeated: after `Retry-After` when the answer names it, else after a growing pause. Writes
 * carry the same Idempotency-Key each time, so a request whose answer was lost is not applied twice.
 */
import { setMaxListeners } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { backoffMs, sleep } from '@muster/runtime';

const gzipAsync = promisify(gzip);
const REPEATED = new Set([429, 502, 503, 504]);
/** Below this, compressing costs more than it saves. */
const GZIP_FROM_BYTES = 1_024;

export type HttpOptions = {
  baseUrl: string;
  key: string;
  /** Compress request bodies. Default false: on one machine it only costs. */
  gzip?: boolean;
  /** Milliseconds for one attempt. Default 60,000. */
  timeoutMs?: number;
  /** Milliseconds after which a request is no longer repeated. Default 60,000. */
  giveUpAfterMs?: number;
  /** Connections kept open. Default 16. */
  connections?: number;
  signal?: AbortSignal;
};

export type Sent = { status: number; text: string };
/**
 * `attempts` counts everything sent, `repeated` the attempts after the first. `later` counts the answers that asked to come again
 * by status, `lost` the attempts without an answer, `pausedMs` the time that requests waited before they were repeated.
 */
export type HttpStats = {
  requests: number;
  attempts: number;
  repeated: number;
  later: Record<number, number>;
  lost: number;
  pausedMs: number;
};

/** The server could not be reached, or kept saying "later", for longer than the caller wanted to wait. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

export class HttpConnection {
  readonly #options: Required<Omit<HttpOptions, 'signal'>> & { signal: AbortSignal | undefined };
  readonly #agent: Agent;
  readonly #send: typeof httpRequest;
  readonly #base: URL;
  readonly stats: HttpStats = { requests: 0, attempts: 0, repeated: 0, later: {}, lost: 0, pausedMs: 0 };

  constructor(options: HttpOptions) {
    this.#options = { gzip: false, timeoutMs: 60_000, giveUpAfterMs: 60_000, connections: 16, signal: undefined, ...options };
    this.#base = new URL(options.baseUrl);
    // Each request in flight listens: hundreds are not a leak.
    if (options.signal) setMaxListeners(0, options.signal);
    const tls = this.#base.protocol === 'https:';
    const agentOptions = { keepAlive: true, maxSockets: this.#options.connections };
    this.#agent = tls ? new TlsAgent(agentOptions) : new Agent(agentOptions);
    this.#send = tls ? tlsRequest : httpRequest;
  }

  /** The answer of the first attempt that is neither lost nor "later". `onRepeat` runs before each repetition. */
  async exchange(
    method: 'GET' | 'POST',
    path: string,
    body: string | null,
    headers: Readonly<Record<string, string>>,
    onRepeat: () => void = () => undefined,
  ): Promise<Sent> {
    const { signal } = this.#options;
    const all: Record<string, string> = { authorization: `Bearer ${this.#options.key}`, ...headers };
    const payload = await this.#encode(body, all);
    const deadline = Date.now() + this.#options.giveUpAfterMs;
    this.stats.requests += 1;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      this.stats.attempts += 1;
      const answer = await this.#once(method, path, payload, all).catch((error: unknown) => error);
      signal?.throwIfAborted();
      const lost = answer instanceof Error ? answer : null;
      if (!lost && isSent(answer) && !REPEATED.has(answer.status)) return answer;
      if (isSent(answer)) this.stats.later[answer.status] = (this.stats.later[answer.status] ?? 0) + 1;
      else this.stats.lost += 1;
      const pause = (isSent(answer) ? answer.retryAfterMs : null) ?? backoffMs(attempt, 50, 2_000);
      if (Date.now() + pause > deadline) throw new UnreachableError(describe(this.#options.baseUrl, answer), { cause: lost ?? undefined });
      await sleep(pause, signal);
      this.stats.pausedMs += pause;
      this.stats.repeated += 1;
      onRepeat();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #encode(body: string | null, headers: Record<string, string>): Promise<Buffer | null> {
    if (body === null) return null;
    const bytes = Buffer.from(body);
    if (!this.#options.gzip || bytes.length < GZIP_FROM_BYTES) return bytes;
    headers['content-encoding'] = 'gzip';
    return gzipAsync(bytes);
  }

  #once(method: string, path: string, payload: Buffer | null, headers: Record<string, string>): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const request = this.#send(new URL(path, this.#base), {
        method,
        agent: this.#agent,
        timeout: this.#options.timeoutMs,
        headers: payload === null ? headers : { ...headers, 'content-length': String(payload.length) },
        ...(this.#options.signal ? { signal: this.#options.signal } : {}),
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#options.timeoutMs} ms`)));
      request.on('error', reject);
      request.on('response', (response) => readAnswer(response).then(resolve, reject));
      request.end(payload ?? undefined);
    });
  }
}

type Answered = Sent & { retryAfterMs: number | null };

function isSent(answer: unknown): answer is Answered {
  return typeof answer === 'object' && answer !== null && 'status' in answer;
}

async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    text: Buffer.concat(chunks).toString('utf8'),
    retryAfterMs: retryAfterMs(response.headers['retry-after'], Date.now()),
  };
}

/** Milliseconds of a Retry-After header (seconds or an HTTP date), or null when there is none that can be read. */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function describe(baseUrl: string, answer: unknown): string {
  const last = isSent(answer)
    ? `it last answered ${answer.status}: ${answer.text.slice(0, 200)}`
    : `it cannot be reached (${reason(answer)})`;
  return `${baseUrl} did not take a request: ${last}`;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message !== '' ? error.message : 'code' in error ? String(error.code) : error.name;
}
