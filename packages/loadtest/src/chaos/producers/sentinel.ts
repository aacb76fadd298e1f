/**
 * One event every 100 ms on each of a few connections, each sent once and given a second: it sees when producers are refused, and how
 * long. An event that was refused may have been taken all the same, so its fate is unknown.
 */
import { sleep } from '@muster/runtime';
import { DOMAIN } from './producer.ts';
import type { Knowledge } from './record.ts';
import { Sender, type SenderOptions, type Tally } from './sender.ts';

const EVERY_MS = 100;
const CONNECTIONS = 2;
export const ATTEMPT_MS = 1_000;

export type Attempt = { from: number; to: number; accepted: boolean };

export class Sentinel {
  readonly attempts: Attempt[] = [];
  readonly #senders: Sender[];
  readonly #knowledge: Knowledge;

  constructor(target: Pick<SenderOptions, 'url' | 'key' | 'signal'>, knowledge: Knowledge, tally: Tally) {
    const options = { ...target, timeoutMs: ATTEMPT_MS, giveUpAfterMs: 0, connections: 1 };
    this.#senders = Array.from({ length: CONNECTIONS }, () => new Sender(options, tally));
    this.#knowledge = knowledge;
  }

  /** Sends until the signal aborts. */
  async run(ending: AbortSignal): Promise<void> {
    await Promise.all(this.#senders.map((sender, n) => this.#loop(sender, n, ending)));
    for (const sender of this.#senders) sender.close();
  }

  async #loop(sender: Sender, n: number, ending: AbortSignal): Promise<void> {
    for (let number = 1; !ending.aborted; number += 1) {
      const from = Date.now();
      const email = `sentinel-${n}@${DOMAIN}`;
      const message_id = `sentinel-${n}-${number}`;
      const record = { email, id: null, fate: 'unknown' as const };
      this.#knowledge.events.set(message_id, record);
      const { fate } = await sender.send('timeline.ingest', { events: [{ kind: 'open_email', email, message_id }] }, 1);
      this.#knowledge.events.set(message_id, { ...record, fate });
      this.attempts.push({ from, to: Date.now(), accepted: fate === 'acknowledged' });
      await sleep(Math.max(0, from + EVERY_MS - Date.now()), ending);
    }
  }
}

/**
 * How long producers were refused between two times: from the start of the first refused attempt to the first acceptance after the
 * last refused one. Some may have been accepted meanwhile, by the other process of the API. 0 = nobody was refused.
 */
export function refusedMs(attempts: readonly Attempt[], from: number, to: number): number {
  const within = attempts.filter((attempt) => attempt.to >= from && attempt.from <= to);
  const refused = within.filter(({ accepted }) => !accepted);
  if (refused.length === 0) return 0;
  const begin = Math.min(...refused.map((attempt) => attempt.from));
  const last = Math.max(...refused.map((attempt) => attempt.to));
  const back = attempts.filter(({ accepted, to: at }) => accepted && at >= last).map((attempt) => attempt.to);
  return (back.length > 0 ? Math.min(...back) : last) - begin;
}
