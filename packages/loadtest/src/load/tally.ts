/** Counts of a load in progress, and latencies in HDR histograms (microseconds, three significant digits). */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { CALLS, type CallName } from './mix.ts';
import type { LoadRequest } from './requests.ts';

export type Latency = { p50: number; p90: number; p99: number; p999: number; max: number; mean: number };
export type CallCounts = { requests: number; sent: number; accepted: number; rejected: number };

const histogram = (): RecordableHistogram => createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });

export class Tally {
  readonly calls: Readonly<Record<CallName, CallCounts>> = {
    single_upsert: none(),
    upsert_batch: none(),
    single_event: none(),
    event_batch: none(),
  };
  /** Accepted items of events that were sent again: each must end as duplicate. */
  duplicates = 0;
  readonly #all = histogram();
  readonly #byCall: Readonly<Record<CallName, RecordableHistogram>> = {
    single_upsert: histogram(),
    upsert_batch: histogram(),
    single_event: histogram(),
    event_batch: histogram(),
  };
  #window = histogram();
  #steady: RecordableHistogram | null = null;

  started(request: LoadRequest): void {
    const counts = this.calls[request.call];
    counts.requests += 1;
    counts.sent += request.items;
  }

  acknowledged(request: LoadRequest, answer: { accepted: number; rejected: number }, ms: number): void {
    const counts = this.calls[request.call];
    counts.accepted += answer.accepted;
    counts.rejected += answer.rejected;
    if (request.again) this.duplicates += answer.accepted;
    const us = Math.max(1, Math.round(ms * 1_000));
    for (const each of [this.#all, this.#byCall[request.call], this.#window, this.#steady]) each?.record(us);
  }

  /** Sums over all calls. */
  get total(): CallCounts {
    const total = none();
    for (const call of CALLS) {
      const counts = this.calls[call];
      for (const key of ['requests', 'sent', 'accepted', 'rejected'] as const) total[key] += counts[key];
    }
    return total;
  }

  /** In milliseconds; null when nothing was acknowledged. */
  latency(call?: CallName): Latency | null {
    return summary(call === undefined ? this.#all : this.#byCall[call]);
  }

  /** Says that the start, with its cold caches, is over. */
  beginSteady(): void {
    this.#steady = histogram();
  }

  /** Latency since the start was over; null when it is not, or nothing was acknowledged since. */
  steadyLatency(): Latency | null {
    return this.#steady === null ? null : summary(this.#steady);
  }

  /** Latency since the last look. */
  takeWindow(): Latency | null {
    const window = this.#window;
    this.#window = histogram();
    return summary(window);
  }
}

function none(): CallCounts {
  return { requests: 0, sent: 0, accepted: 0, rejected: 0 };
}

function summary(of: RecordableHistogram): Latency | null {
  if (of.count === 0) return null;
  const ms = (us: number): number => Math.round(us) / 1_000;
  const at = (percent: number): number => ms(of.percentile(percent));
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: ms(of.max), mean: ms(of.mean) };
}
