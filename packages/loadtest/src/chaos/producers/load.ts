/** All producers of a run, side by side at a steady rate in sum, until they are told to stop. */
import { setMaxListeners } from 'node:events';
import { sleep } from '@muster/runtime';
import { random } from '../../random.ts';
import { contactSteps } from './contacts.ts';
import { customEvents } from './custom-events.ts';
import { erasures } from './erasures.ts';
import { events } from './events.ts';
import { memberships } from './memberships.ts';
import { parked } from './parked.ts';
import type { Producer, ProducerDeps } from './producer.ts';
import { rebuilds } from './rebuilds.ts';
import { emptyKnowledge, type Knowledge } from './record.ts';
import { rejected } from './rejected.ts';
import { emptyTally, Sender, type Tally } from './sender.ts';
import { type Attempt, Sentinel } from './sentinel.ts';

/** How many of each there are, and the share of the items that they bring together. */
const PRODUCERS: readonly (readonly [(deps: ProducerDeps, group: number) => Producer, number, number])[] = [
  [contactSteps, 3, 0.4],
  [events, 3, 0.42],
  [customEvents, 2, 0.1],
  [memberships, 2, 0.03],
  [parked, 1, 0.03],
  [erasures, 1, 0.01],
  [rejected, 1, 0.01],
  // One every dozen seconds or so.
  [rebuilds, 1, 0.0004],
];
/** Longer than most pauses, and shorter than a frozen process stays frozen. */
const ATTEMPT_MS = 4_000;
const PATIENT_MS = 120_000;
const HASTY_MS = 5_000;

/** With more jobs waiting the producers hold back: else a recovery would measure how long a slow machine takes for the rate. */
const MOST_WAITING = 40;
const LOOK_MS = 250;

/** `waiting` says how many jobs wait, and may fail. */
export type LoadTarget = { url: string; key: string; seed: number; rate: number; signal: AbortSignal; waiting: () => Promise<number> };

export class Load {
  readonly knowledge: Knowledge = emptyKnowledge();
  readonly tally: Tally = emptyTally();
  readonly #target: LoadTarget;
  readonly #patient: Sender;
  readonly #hasty: Sender;
  readonly #sentinel: Sentinel;
  readonly #ending = new AbortController();
  #crowded = false;
  #running: Promise<void> | undefined;

  constructor(target: LoadTarget) {
    this.#target = target;
    const options = { url: target.url, key: target.key, signal: target.signal, timeoutMs: ATTEMPT_MS, connections: 32 };
    this.#patient = new Sender({ ...options, giveUpAfterMs: PATIENT_MS }, this.tally);
    this.#hasty = new Sender({ ...options, giveUpAfterMs: HASTY_MS }, this.tally);
    this.#sentinel = new Sentinel(target, this.knowledge, this.tally);
  }

  /** What the sentinel saw so far. */
  get attempts(): readonly Attempt[] {
    return this.#sentinel.attempts;
  }

  /** Starts sending; what fails surfaces from `failed` and `stop`. */
  start(): void {
    // Each producer listens: dozens are not a leak.
    setMaxListeners(0, this.#ending.signal);
    const deps = { knowledge: this.knowledge, patient: this.#patient, hasty: this.#hasty };
    const all = PRODUCERS.flatMap(([make, count, share]) =>
      Array.from({ length: count }, (_, group) => ({ name: `${make.name} ${group}`, producer: make(deps, group), share: share / count })),
    );
    const loops = all.map(({ name, producer, share }) => this.#loop(name, producer, share * this.#target.rate));
    this.#running = Promise.all([...loops, this.#watchQueues(), this.#sentinel.run(this.#ending.signal)]).then(() => undefined);
    // Whoever awaits it gets the failure; until then it is not unhandled.
    this.#running.catch(() => undefined);
  }

  /** Rejects when a producer fails, which ends the run: what was sent is then no longer known. */
  get failed(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Ends sending and waits for what is under way. */
  async stop(): Promise<void> {
    this.#ending.abort();
    try {
      await this.#running;
    } finally {
      this.#patient.close();
      this.#hasty.close();
    }
  }

  async #loop(name: string, producer: Producer, itemsPerSecond: number): Promise<void> {
    const { signal } = this.#ending;
    for (let number = 0; !signal.aborted; number += 1) {
      const from = Date.now();
      const items = await producer.step(random(this.#target.seed, name, number));
      // What was not sent during a fault is not made up for: the load stays moderate.
      await sleep(Math.max(0, from + (items / itemsPerSecond) * 1_000 - Date.now()), signal);
      while (this.#crowded && !signal.aborted) await sleep(LOOK_MS, signal);
    }
    await producer.finish?.();
  }

  async #watchQueues(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      // While Redis is away nothing is accepted that could wait.
      this.#crowded = (await this.#target.waiting().catch(() => 0)) > MOST_WAITING;
      await sleep(LOOK_MS, signal);
    }
  }
}
