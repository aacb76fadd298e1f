/** What the segmenter itself says about its builds. */
import type { Bed } from '../bed.ts';
import { BenchError } from '../errors.ts';

/** Seconds that all of its builds took so far, from the start of reading to the switch; the wait for their turn is not in it. */
export async function buildSeconds(bed: Bed): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${bed.stack.service('segmenter').port}/metrics`, { signal: bed.signal });
  const text = await response.text();
  if (response.status !== 200) throw new BenchError(`The segmenter's metrics answered ${response.status}.`);
  const sums = text.matchAll(/^muster_segment_build_seconds_sum(?:\{[^}]*\})? (\S+)$/gm);
  return [...sums].reduce((sum, [, value]) => sum + Number(value), 0);
}
