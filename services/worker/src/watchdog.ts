/** Health of a worker as a pure function of what it has seen: work waits, nothing is active, and nothing was taken for a minute. */
import type { HealthReport } from '@muster/runtime';

export type QueueSample = { queue: string; waiting: number; active: number; lastTakenAt: number };

export const STUCK_AFTER_MS = 60_000;

/** `live` is false when some queue has work that nothing consumes; `now` and `lastTakenAt` in milliseconds. */
export function judgeLiveness(samples: readonly QueueSample[], now: number): HealthReport {
  const checks: Record<string, boolean> = {};
  for (const s of samples) checks[s.queue] = !(s.waiting > 0 && s.active === 0 && now - s.lastTakenAt > STUCK_AFTER_MS);
  return { ok: Object.values(checks).every(Boolean), checks };
}
