import { fixSetting } from '@muster/postgres';
import { ConfigError, errorFields, sleep } from '@muster/runtime';
import type { Deps } from './deps.ts';

/**
 * Waits for Postgres and makes sure that the number of lanes is the one the installation was started with: with another number
 * the same address would wait in two lanes, and its writes could change places. @throws ConfigError when it is not.
 */
export async function verifyLanes(deps: Deps): Promise<void> {
  const wanted = String(deps.config.MUSTER_LANES);
  for (;;) {
    try {
      const fixed = await fixSetting(deps.sidePool, 'lanes', wanted);
      if (fixed !== wanted)
        throw new ConfigError(
          `MUSTER_LANES is ${wanted}, but this installation was started with ${fixed} lanes. Set MUSTER_LANES=${fixed}.`,
        );
      return;
    } catch (error) {
      if (error instanceof ConfigError || deps.stopping()) throw error;
      deps.log.warn(errorFields(error), 'waiting for postgres');
      await sleep(500);
    }
  }
}
