/** B4, B5 and B4's half of B7, on one bed. */
import type { Bed } from '../bed.ts';
import type { Row } from '../result.ts';
import { runB4 } from './b4.ts';
import { runB5 } from './b5.ts';
import { runGrowth } from './growth.ts';
import { extendWorld, worldCounts } from './world.ts';

/** B7 makes the world larger, so it comes last. */
export async function runSegments(bed: Bed): Promise<Row[]> {
  const { ONLY, SCALE, BIG } = bed.options;
  const world = await extendWorld(bed, worldCounts(SCALE, BIG));
  const b4 = ONLY.includes('B4') ? await runB4(bed, world) : null;
  const b5 = ONLY.includes('B5') ? await runB5(bed, world) : [];
  const b7 = b4 !== null && ONLY.includes('B7') && !BIG ? [await runGrowth(bed, world, b4.builds)] : [];
  return [...(b4?.rows ?? []), ...b5, ...b7];
}
