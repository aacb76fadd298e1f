/**
 * When the system has recovered from a fault. Counted from the moment that the fault is lifted (or has happened, when it ends by itself),
 * the time until both hold:
 *
 * - a probe sent after that, contacts of every lane and events, with `Prefer: wait`, is answered 200: it is in both databases;
 * - nothing that was accepted before that is still on its way: no job in a queue, no ledger row undelivered.
 *
 * Segments are not part of it: they follow what is stored, and the verification waits for them. So starting a process again, its recovery of data, and working off what waited are all part of it.
 */
import type { Pool } from '@muster/postgres';
import { sleep } from '@muster/runtime';
import { DOMAIN } from './producers/producer.ts';
import type { Knowledge } from './producers/record.ts';
import type { Sender } from './producers/sender.ts';
import type { QueueWatch } from './queues.ts';

/** So long a recovery is measured, to say how far it missed the goal. */
const GIVE_UP_MS = 60_000;
const POLL_MS = 50;
/** From one probe to the next: probes that are refused at once must not become a load of their own. */
const PROBE_EVERY_MS = 250;
/** Longer than the queues are with producers that hold back, shorter than a fault that nobody recovers from. */
const WAIT_SECONDS = 5;
/** Enough to meet each of eight lanes. */
const CONTACTS = 32;
const EVENTS = 8;

/** `waitedFor`: what it took last; null = nothing at all. */
export type Recovered = { ms: number | null; waitedFor: string | null };

export class Recovery {
  readonly #knowledge: Knowledge;
  readonly #sender: Sender;
  readonly #pool: Pool;
  readonly #queues: QueueWatch;
  #number = 0;

  /** @param sender one attempt each: a probe that is refused is followed by another. */
  constructor(deps: { knowledge: Knowledge; sender: Sender; pool: Pool; queues: QueueWatch }) {
    this.#knowledge = deps.knowledge;
    this.#sender = deps.sender;
    this.#pool = deps.pool;
    this.#queues = deps.queues;
  }

  /** Measures from `since` until everything works again, for a minute at most. */
  async measure(since: number, signal: AbortSignal): Promise<Recovered> {
    let probed = false;
    for (let waitedFor: string | null = null; ; ) {
      signal.throwIfAborted();
      probed ||= await this.#probe();
      const left = probed ? await this.#left(since) : 'a probe that is answered 200';
      const ms = Date.now() - since;
      if (left === null) return { ms, waitedFor };
      waitedFor = left;
      if (ms > GIVE_UP_MS) return { ms: null, waitedFor };
      await sleep(probed ? POLL_MS : PROBE_EVERY_MS, signal);
    }
  }

  async #probe(): Promise<boolean> {
    this.#number += 1;
    const n = this.#number;
    const emails = Array.from({ length: CONTACTS }, (_, k) => `probe-${n}-${k}@${DOMAIN}`);
    const messages = Array.from({ length: EVENTS }, (_, k) => `probe-${n}-${k}`);
    // Addresses of their own: an event creates a contact, too, and one without a step.
    const readers = messages.map((message) => `${message}@event.${DOMAIN}`);
    const events = messages.map((message_id, k) => ({ kind: 'open_email', email: readers[k], message_id }));
    for (const [k, message] of messages.entries())
      this.#knowledge.events.set(message, { email: readers[k] ?? null, id: null, fate: 'unknown' });
    const contacts = emails.map((email) => ({ email, custom_number_1: 1 }));
    for (const email of emails) this.#knowledge.contacts.set(email, { sent: 1, unknown: [1] });

    const [written, stored] = await Promise.all([
      this.#sender.send('contacts.import', { contacts }, CONTACTS, WAIT_SECONDS),
      this.#sender.send('timeline.ingest', { events }, EVENTS, WAIT_SECONDS),
    ]);
    if (written.fate === 'acknowledged') for (const email of emails) this.#knowledge.contacts.set(email, { sent: 1, unknown: [] });
    for (const message of messages) {
      const known = this.#knowledge.events.get(message);
      if (known) known.fate = stored.fate;
    }
    return written.waited && stored.waited;
  }

  /** What of that which was accepted before is still on its way; null = nothing. */
  async #left(since: number): Promise<string | null> {
    try {
      const queue = await this.#queues.holderOfAddedBefore(since);
      if (queue !== null) return `jobs in ${queue}`;
      const { rows } = await this.#pool.query(
        'SELECT 1 FROM job_ledger WHERE (outbox IS NOT NULL OR events_pending) AND accepted_at < $1 LIMIT 1',
        [since * 1_000],
      );
      return rows.length === 0 ? null : 'ledger rows that are not delivered';
    } catch (error) {
      // A store that does not answer yet has not recovered; the time runs on, and its end is reported.
      return `a store that answers (${error instanceof Error ? error.message : String(error)})`;
    }
  }
}
