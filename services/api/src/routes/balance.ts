/** balance.get: what became of everything that was accepted. */
import { readBalance } from '@muster/postgres';
import { activeChunks, itemQueues } from '@muster/queues';
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { fromPostgres, fromRedis } from '../http/failures.ts';

export function balanceRoutes(deps: ApiDeps): Endpoint[] {
  const get: Endpoint['handle'] = async ({ grant }) => {
    // Queues first: a chunk that ends between the two looks is then counted twice for a moment, never missed.
    const waiting = await fromRedis(activeChunks(deps.redis, itemQueues(deps.config.MUSTER_LANES)));
    const balance = await fromPostgres(readBalance(deps.pool, grant.workspaceId));
    return { status: 200, body: { balance: { ...balance, waiting } } };
  };
  return [{ method: 'GET', path: '/api/balance.get', scopes: ['read'], handle: get }];
}
