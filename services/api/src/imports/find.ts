/** The import that a request names. What belongs to another workspace is not there. */
import { findImport, type ImportRow } from '@muster/postgres';
import type { ApiDeps } from '../deps.ts';
import { fail, invalid } from '../http/errors.ts';
import { fromPostgres } from '../http/failures.ts';

// Anything else would be a faulty statement in Postgres.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** @throws ApiError 404, or 422 when there is no id */
export async function requireImport(deps: ApiDeps, workspaceId: number, id: unknown): Promise<ImportRow> {
  if (id === undefined || id === null || id === '') throw invalid('id', 'required', 'id is required.');
  if (typeof id !== 'string') throw invalid('id', 'invalid_type', 'id must be a string.');
  const row = UUID.test(id) ? await fromPostgres(findImport(deps.pool, workspaceId, id)) : null;
  if (!row) throw fail('import_not_found');
  return row;
}
