/**
 * Sends writes and knows what became of each: acknowledged, or `unknown` when no attempt was answered in time. An attempt that got no
 * answer may have been taken, so a request counts for at least its acknowledged items and at most every item of every attempt.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ApiCallError } from '../../client/client.ts';
import { HttpConnection, UnreachableError } from '../../client/http.ts';

export type Fate = 'acknowledged' | 'unknown';

export type Tally = {
  /** Requests and items, each counted once however often it was sent. */
  requests: number;
  sent: number;
  acknowledged: number;
  unknown: number;
  /** Items times attempts: what the ledger may have counted at most. */
  atMost: number;
  /** Requests sent more than once. */
  repeated: number;
};

export const emptyTally = (): Tally => ({ requests: 0, sent: 0, acknowledged: 0, unknown: 0, atMost: 0, repeated: 0 });

/** Every write call answers how many items it accepted, but erasure, which accepts none. */
const writeAnswer = z.looseObject({ accepted: z.number().int().optional(), rejected: z.array(z.unknown()).optional() });

export type SenderOptions = {
  url: string;
  key: string;
  /** Milliseconds for one attempt. */
  timeoutMs: number;
  /** Milliseconds after which a request is no longer repeated; 0 = one attempt. */
  giveUpAfterMs: number;
  connections: number;
  signal: AbortSignal;
};

export type Outcome = { fate: Fate; attempts: number; waited: boolean };

/** Senders of one run share a tally. */
export class Sender {
  readonly #http: HttpConnection;
  readonly #tally: Tally;

  constructor({ url, ...options }: SenderOptions, tally: Tally) {
    this.#http = new HttpConnection({ baseUrl: url, ...options });
    this.#tally = tally;
  }

  close(): void {
    this.#http.close();
  }

  /**
   * @param items how many the ledger counts for one attempt.
   * @param wait seconds for `Prefer: wait`; `waited` then says whether the effect is in both databases.
   * @throws ApiCallError when the API refuses for good: everything sent here is valid.
   */
  async send(call: string, body: unknown, items: number, wait?: number): Promise<Outcome> {
    const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    if (wait !== undefined) headers.prefer = `wait=${wait}`;
    const path = `/api/${call}`;
    let attempts = 1;
    this.#tally.requests += 1;
    this.#tally.sent += items;
    this.#tally.atMost += items;
    const onRepeat = (): void => {
      attempts += 1;
      if (attempts === 2) this.#tally.repeated += 1;
      this.#tally.atMost += items;
    };
    try {
      const { status, text } = await this.#http.exchange('POST', path, JSON.stringify(body), headers, onRepeat);
      if (status < 200 || status > 299) throw new ApiCallError(path, status, text);
      const answer = writeAnswer.parse(JSON.parse(text));
      if (answer.rejected !== undefined && answer.rejected.length > 0)
        throw new Error(`${path} rejected a valid item: ${JSON.stringify(answer.rejected[0])}`);
      this.#tally.acknowledged += items;
      return { fate: 'acknowledged', attempts, waited: status === 200 };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      this.#tally.unknown += items;
      return { fate: 'unknown', attempts, waited: false };
    }
  }
}
