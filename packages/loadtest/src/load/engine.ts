/** Sends a load through a client for a while and counts what came back. Knows nothing of terminals or reports. */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { sleep } from '@muster/runtime';
import { ApiCallError, type ClientStats, MusterClient } from '../client/client.ts';
import { CALL_KINDS, CALLS } from './mix.ts';
import type { LoadOptions } from './options.ts';
import { type Clock, closedLoop, openLoop, type Paced, type Send, type Stream } from './pace.ts';
import { type LoadRequest, RequestSource } from './requests.ts';
import { Tally } from './tally.ts';

export type EngineOptions = Omit<LoadOptions, 'REPORT'>;
export type EngineResult = Paced & { seconds: number; startedAt: string };

/** A request is given up only when the system takes nothing for so long. */
const GIVE_UP_AFTER_MS = 300_000;

export class LoadEngine {
  readonly tally = new Tally();
  readonly #options: EngineOptions;
  readonly #client: MusterClient;
  readonly #source: RequestSource;
  /** Ends the sending. */
  readonly #ending = new AbortController();
  /** Ends the requests under way, too. */
  readonly #aborting = new AbortController();
  readonly #clock: Clock;
  #failure: unknown;

  constructor(target: { url: string; key: string; signal?: AbortSignal }, options: EngineOptions) {
    this.#options = options;
    const { signal } = target;
    this.#client = new MusterClient({
      baseUrl: target.url,
      key: target.key,
      connections: options.CONNECTIONS,
      giveUpAfterMs: GIVE_UP_AFTER_MS,
      signal: AbortSignal.any([this.#aborting.signal, ...(signal ? [signal] : [])]),
    });
    // Ids of two runs never meet, whatever their seeds: an id that was seen before is a duplicate.
    this.#source = new RequestSource(options, randomUUID().replaceAll('-', '').slice(0, 12));
    this.#clock = { now: () => performance.now(), sleep: (ms) => sleep(ms, this.#ending.signal) };
    signal?.addEventListener('abort', () => this.#ending.abort(), { once: true });
  }

  /** What the connections saw: repeated requests, 429 and 503, time spent waiting to repeat. */
  get stats(): ClientStats {
    return this.#client.stats;
  }

  /** Resolves when the last request is answered. @throws what ended it early: a refused request, an unreachable server, the signal. */
  async run(): Promise<EngineResult> {
    const startedAt = new Date().toISOString();
    const from = performance.now();
    const pace = {
      clock: this.#clock,
      durationMs: this.#options.DURATION * 1_000,
      width: this.#options.CONNECTIONS,
      send: this.#send,
      stopped: () => this.#ending.signal.aborted,
    };
    try {
      const paced = this.#options.RATE > 0 ? await openLoop(pace, this.#streams()) : await closedLoop(pace, () => this.#source.next());
      if (this.#failure !== undefined) throw this.#failure;
      return { ...paced, seconds: (performance.now() - from) / 1_000, startedAt };
    } finally {
      this.#client.close();
    }
  }

  /** A stream for each call that has a share of the items. */
  #streams(): Stream[] {
    const { MIX, RATE, BATCH } = this.#options;
    const shares = CALLS.reduce((sum, call) => sum + MIX[call], 0);
    return CALLS.filter((call) => MIX[call] > 0).map((call) => ({
      itemsPerSecond: (RATE * MIX[call]) / shares,
      items: CALL_KINDS[call].single ? 1 : BATCH,
      next: () => this.#source.next(call),
    }));
  }

  readonly #send: Send = async (request, due) => {
    this.tally.started(request);
    try {
      const answer = await this.#post(request);
      this.tally.acknowledged(request, answer, performance.now() - due);
      this.#source.acknowledged(request);
    } catch (error) {
      // The first failure ends the run: the others follow from it.
      this.#failure ??= error;
      this.#ending.abort();
      this.#aborting.abort();
    }
  };

  async #post({ call, body, items }: LoadRequest): Promise<{ accepted: number; rejected: number }> {
    const { path, single } = CALL_KINDS[call];
    const options = this.#options.KEYS ? {} : { idempotencyKey: null };
    if (path === '/api/contacts.upsert') {
      try {
        return { accepted: (await this.#client.sendUpsert(body, options)).accepted ?? 0, rejected: 0 };
      } catch (error) {
        // A call with one item says by its status what a batch says in its answer.
        if (single && error instanceof ApiCallError && error.status === 422) return { accepted: 0, rejected: 1 };
        throw error;
      }
    }
    const answer = await this.#client.sendBatch(path, body, items, options);
    return { accepted: answer.accepted, rejected: new Set(answer.rejected.map((issue) => issue.index)).size };
  }
}
