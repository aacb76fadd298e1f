/** The worker's memory while it imports files. */
import { setFlagsFromString } from 'node:v8';

/**
 * Beyond what was alive, in percent, before V8 collects the old generation. Left to itself (0) it lets it grow to several times that while
 * the machine has memory: a worker that imported a file had 510 MB of which 40 were alive, with this 350. Always on, it would cost
 * contacts that come over HTTP a tenth of the worker's CPU.
 */
const GROWTH_PERCENT = 50;

let importing = 0;

/** Keeps the heap small while `work` goes on, however many do at a time. */
export async function withSmallHeap<T>(work: () => Promise<T>): Promise<T> {
  importing += 1;
  allowGrowth(GROWTH_PERCENT);
  try {
    return await work();
  } finally {
    importing -= 1;
    if (importing === 0) allowGrowth(0);
  }
}

/** V8 looks at the flag whenever it has collected the heap and decides how far it may grow until the next time. */
const allowGrowth = (percent: number): void => setFlagsFromString(`--heap-growing-percent=${percent}`);
