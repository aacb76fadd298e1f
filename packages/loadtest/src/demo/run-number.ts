/** Finds the number of this run: the first whose mark, a contact of its own, nobody has made yet. */
import type { MusterClient } from '../client/client.ts';
import { tagOf } from '../day/plan.ts';
import { DemoError } from './errors.ts';

const WAIT_SECONDS = 30;

/**
 * Two demonstrations at the same time cannot get one number: only one of them creates the mark. It is made before anything else, so
 * a run that is broken off uses its number up, too.
 */
export async function takeRunNumber(client: MusterClient, seed: number): Promise<number> {
  for (let run = 1; ; run += 1) {
    const email = markOf(seed, run);
    if ((await client.getContact(email)) !== null) continue;
    const contact = { email, full_name: `Demonstration ${run} of seed ${seed}` };
    const { action } = await client.upsertContact({ contact }, { wait: WAIT_SECONDS });
    if (action === 'created') return run;
    if (action === undefined)
      throw new DemoError(`A contact was accepted, but not applied within ${WAIT_SECONDS} s. Is a worker running? /health/ready tells.`);
  }
}

export const markOf = (seed: number, run: number): string => `demonstration@mark.${tagOf(seed, run)}`;
