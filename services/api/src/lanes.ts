/**
 * The number of lanes is fixed for the life of an installation: with another number the same address would wait in two lanes,
 * and the order of its items would be lost. Nothing is let in until Postgres has confirmed the number.
 */
import { fixSetting, type Pool } from '@muster/postgres';
import { backoffMs, errorFields, type Logger, sleep } from '@muster/runtime';

export const LANES_SETTING = 'lanes';

/** Resolves true when `lanes` is the installation's number, false when it is another; asks until Postgres answers. */
export async function verifyLanes(pool: Pool, lanes: number, log: Logger, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      const fixed = await fixSetting(pool, LANES_SETTING, String(lanes));
      if (fixed === String(lanes)) return true;
      log.fatal(
        { configured: lanes, installation: Number(fixed) },
        'MUSTER_LANES differs from the installation: set it to the number given',
      );
      return false;
    } catch (error) {
      if (attempt % 10 === 0) log.warn(errorFields(error), 'waiting for Postgres to confirm the number of lanes');
      await sleep(backoffMs(attempt, 100, 1_000), signal);
    }
  }
  return false;
}
