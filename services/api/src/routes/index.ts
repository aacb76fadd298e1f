/** Every call of the API. */
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { balanceRoutes } from './balance.ts';
import { contactChangeRoutes } from './contacts-change.ts';
import { contactExportRoutes } from './contacts-export.ts';
import { contactReadRoutes } from './contacts-read.ts';
import { contactWriteRoutes } from './contacts-write.ts';
import { eventReadRoutes } from './events-read.ts';
import { eventWriteRoutes } from './events-write.ts';
import { importChangeRoutes } from './imports-change.ts';
import { importReadRoutes } from './imports-read.ts';
import { importUploadRoutes } from './imports-upload.ts';
import { jobRoutes } from './jobs.ts';
import { listRoutes } from './lists.ts';
import { membershipRoutes } from './memberships.ts';
import { segmentReadRoutes } from './segments-read.ts';
import { segmentWriteRoutes } from './segments-write.ts';

export function allEndpoints(deps: ApiDeps): Endpoint[] {
  return [
    ...contactWriteRoutes(deps),
    ...contactReadRoutes(deps),
    ...contactExportRoutes(deps),
    ...contactChangeRoutes(deps),
    ...listRoutes(deps),
    ...membershipRoutes(deps),
    ...segmentWriteRoutes(deps),
    ...segmentReadRoutes(deps),
    ...eventWriteRoutes(deps),
    ...eventReadRoutes(deps),
    ...importUploadRoutes(deps),
    ...importReadRoutes(deps),
    ...importChangeRoutes(deps),
    ...jobRoutes(deps),
    ...balanceRoutes(deps),
  ];
}
