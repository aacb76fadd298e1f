/** Every call of the API. */
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { balanceRoutes } from './balance.ts';
import { contactChangeRoutes } from './contacts-change.ts';
import { contactReadRoutes } from './contacts-read.ts';
import { contactWriteRoutes } from './contacts-write.ts';
import { eventReadRoutes } from './events-read.ts';
import { eventWriteRoutes } from './events-write.ts';
import { jobRoutes } from './jobs.ts';
import { listRoutes } from './lists.ts';
import { membershipRoutes } from './memberships.ts';
import { segmentReadRoutes } from './segments-read.ts';
import { segmentWriteRoutes } from './segments-write.ts';

export function allEndpoints(deps: ApiDeps): Endpoint[] {
  return [
    ...contactWriteRoutes(deps),
    ...contactReadRoutes(deps),
    ...contactChangeRoutes(deps),
    ...listRoutes(deps),
    ...membershipRoutes(deps),
    ...segmentWriteRoutes(deps),
    ...segmentReadRoutes(deps),
    ...eventWriteRoutes(deps),
    ...eventReadRoutes(deps),
    ...jobRoutes(deps),
    ...balanceRoutes(deps),
  ];
}
