/** Waiting until everything accepted has been applied, as the balance tells it. */
import { sleep } from '@muster/runtime';
import type { Balance } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';

export const ENDS = [
  'applied',
  'unchanged',
  'duplicate',
  'rejected',
  'parked',
  'erased',
  'cancelled',
] as const satisfies readonly (keyof Balance)[];

const POLL_MS = 200;
/** `waiting` is that of the whole installation: others may always have something waiting, so it is looked at for a moment only. */
const QUIET_MS = 2_000;
/** Without any progress for so long, waiting is given up: the comparison then says what is missing. */
const STALLED_MS = 30_000;

/** What happened between two readings of the balance; `waiting` is that of the later one. */
export function difference(before: Balance, after: Balance): Balance {
  const result = { ...after };
  for (const term of ['accepted', ...ENDS] as const) result[term] = after[term] - before[term];
  return result;
}

export const endedOf = (balance: Balance): number => ENDS.reduce((sum, end) => sum + balance[end], 0);

/** Polls until `accepted` items more than before have come to an end. */
export async function settle(
  client: MusterClient,
  before: Balance,
  accepted: number,
  onProgress: (ended: number) => void = () => undefined,
): Promise<Balance> {
  let last = -1;
  let lastAt = Date.now();
  for (;;) {
    const now = difference(before, await client.balance());
    const ended = endedOf(now);
    onProgress(ended);
    if (ended >= accepted && now.waiting === 0) return now;
    if (ended !== last) {
      last = ended;
      lastAt = Date.now();
    } else if (Date.now() - lastAt > (ended >= accepted ? QUIET_MS : STALLED_MS)) return now;
    await sleep(POLL_MS);
  }
}

/** Reads again until the value is as wanted, or the time is up; returns what was read last. */
export async function readUntil<T>(readValue: () => Promise<T>, wanted: (value: T) => boolean, deadlineMs = 20_000): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const value = await readValue();
    if (wanted(value) || Date.now() > deadline) return value;
    await sleep(POLL_MS);
  }
}
