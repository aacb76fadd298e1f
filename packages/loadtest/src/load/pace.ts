/**
 * When requests are sent.
 *
 * Open loop: request n is due at a fixed time, whether or not earlier ones were answered. With every connection busy it starts late,
 * and its latency still counts from the time at which it was due: a system that stands still for a second is charged for everything
 * that a second brings, not for one request. Closed loop: a connection sends its next request when the last one was answered.
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
  readonly next: () => LoadRequest;
  readonly send: Send;
  /** Ends the sending early. */
  readonly stopped: () => boolean;
};

/** `late`: started more than {@link LATE_MS} after they were due. `unsentItems`: due within the time, not even started a second after it. */
export type Paced = { late: number; maxLateMs: number; unsentItems: number };

/** Timers are a millisecond or two late on any machine; what is later than this waited for a connection. */
export const LATE_MS = 10;
/** What was due is still sent for so long after the end: a system that keeps up leaves nothing unsent. */
const GRACE_MS = 1_000;

/** @param rate items per second */
export async function openLoop(pace: Pace, rate: number): Promise<Paced> {
  const { clock, next, send, stopped } = pace;
  const result: Paced = { late: 0, maxLateMs: 0, unsentItems: 0 };
  const outstanding = new Set<Promise<void>>();
  const startedAt = clock.now();
  const end = startedAt + pace.durationMs;
  let dueItems = 0;
  for (let due = startedAt; due < end && !stopped(); ) {
    while (clock.now() < due && !stopped()) await clock.sleep(due - clock.now());
    while (outstanding.size >= pace.width) await Promise.race(outstanding);
    const now = clock.now();
    if (stopped()) break;
    if (now >= end + GRACE_MS) {
      result.unsentItems = Math.round((rate * pace.durationMs) / 1_000) - dueItems;
      break;
    }
    if (now - due > LATE_MS) result.late += 1;
    result.maxLateMs = Math.max(result.maxLateMs, now - due);
    const request = next();
    const sent = send(request, due).then(() => void outstanding.delete(sent));
    outstanding.add(sent);
    dueItems += request.items;
    // A request with many items stands for a longer stretch of the stream.
    due = startedAt + (dueItems / rate) * 1_000;
  }
  await Promise.all(outstanding);
  return result;
}

export async function closedLoop(pace: Pace): Promise<Paced> {
  const { clock, next, send, stopped } = pace;
  const end = clock.now() + pace.durationMs;
  const connection = async (): Promise<void> => {
    while (clock.now() < end && !stopped()) await send(next(), clock.now());
  };
  await Promise.all(Array.from({ length: pace.width }, connection));
  return { late: 0, maxLateMs: 0, unsentItems: 0 };
}
