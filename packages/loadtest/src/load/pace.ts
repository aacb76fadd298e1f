/**
 * When requests are sent.
 *
 * Open loop: every call has a stream of its own, and its request n is due at a fixed time, whether or not earlier ones were answered.
 * With every connection busy it starts late, and its latency still counts from the time at which it was due: a system that stands
 * still for a second is charged for everything that a second brings, not for one request. (One stream for all calls would send the
 * single ones in bunches, as fast as the items of a batch follow each other.) Closed loop: a connection sends its next request when the last one was answered.
 */
import type { LoadRequest } from './requests.ts';

export type Clock = { now(): number; sleep(ms: number): Promise<void> };

/** Sends one request and waits until it was acknowledged; `due` is where its latency counts from. Must not throw. */
export type Send = (request: LoadRequest, due: number) => Promise<void>;

export type Pace = {
  readonly clock: Clock;
  readonly durationMs: number;
  /** Requests that may be outstanding. */
  readonly width: number;
  readonly send: Send;
  /** Ends the sending early. */
  readonly stopped: () => boolean;
};

/** Requests of one call. */
export type Stream = {
  readonly itemsPerSecond: number;
  /** Items of each of its requests: a batch stands for a longer stretch of time. */
  readonly items: number;
  readonly next: () => LoadRequest;
};

/** `late`: started more than {@link LATE_MS} after they were due. `unsentItems`: due within the time, not even started a second after it. */
export type Paced = { late: number; maxLateMs: number; unsentItems: number };

/** Timers are a millisecond or two late on any machine; what is later than this waited for a connection. */
export const LATE_MS = 10;
/** What was due is still sent for so long after the end: a system that keeps up leaves nothing unsent. */
const GRACE_MS = 1_000;

export async function openLoop(pace: Pace, streams: readonly Stream[]): Promise<Paced> {
  const { clock, send, stopped } = pace;
  const result: Paced = { late: 0, maxLateMs: 0, unsentItems: 0 };
  const outstanding = new Set<Promise<void>>();
  const startedAt = clock.now();
  const end = startedAt + pace.durationMs;
  let dueItems = 0;
  for (const { due, request } of inOrder(streams, startedAt)) {
    if (due >= end || stopped()) break;
    while (clock.now() < due && !stopped()) await clock.sleep(due - clock.now());
    while (outstanding.size >= pace.width) await Promise.race(outstanding);
    const now = clock.now();
    if (stopped()) break;
    if (now >= end + GRACE_MS) {
      const itemsPerSecond = streams.reduce((sum, stream) => sum + stream.itemsPerSecond, 0);
      result.unsentItems = Math.round((itemsPerSecond * pace.durationMs) / 1_000) - dueItems;
      break;
    }
    if (now - due > LATE_MS) result.late += 1;
    result.maxLateMs = Math.max(result.maxLateMs, now - due);
    const made = request();
    const sent = send(made, due).then(() => void outstanding.delete(sent));
    outstanding.add(sent);
    dueItems += made.items;
  }
  await Promise.all(outstanding);
  return result;
}

/** The requests of all streams in the order in which they are due. Streams start apart, or those of one rate would stay in step. */
function* inOrder(streams: readonly Stream[], startedAt: number): Generator<{ due: number; request: () => LoadRequest }> {
  const states = streams.map(({ itemsPerSecond, items, next }, k) => {
    const everyMs = (items / itemsPerSecond) * 1_000;
    return { everyMs, next, offsetMs: (everyMs * k) / streams.length, made: 0 };
  });
  const dueOf = (s: (typeof states)[number]): number => startedAt + s.offsetMs + s.made * s.everyMs;
  for (;;) {
    const first = states.reduce((a, b) => (dueOf(b) < dueOf(a) ? b : a));
    yield { due: dueOf(first), request: first.next };
    first.made += 1;
  }
}

export async function closedLoop(pace: Pace, next: () => LoadRequest): Promise<Paced> {
  const { clock, send, stopped } = pace;
  const end = clock.now() + pace.durationMs;
  const connection = async (): Promise<void> => {
    while (clock.now() < end && !stopped()) await send(next(), clock.now());
  };
  await Promise.all(Array.from({ length: pace.width }, connection));
  return { late: 0, maxLateMs: 0, unsentItems: 0 };
}
