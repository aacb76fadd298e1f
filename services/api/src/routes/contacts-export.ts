/** contacts.export: contacts as CSV, all of a filter or of a segment, however many. */
import type { ContactRow } from '@muster/postgres';
import { contactCsvHeader, contactCsvRow } from '../contact-csv.ts';
import { filteredPage, isEmpty, readFilter } from '../contact-filter.ts';
import type { ApiDeps } from '../deps.ts';
import type { Endpoint } from '../http/endpoint.ts';
import { invalid } from '../http/errors.ts';
import { segmentIdValue } from '../http/fields.ts';
import { textParam } from '../http/query.ts';
import { csvHeaders, type Pieces, streamed } from '../http/stream.ts';
import { allMembers } from '../segments/pages.ts';

/** Contacts of one piece: a few hundred KiB of text. */
const BATCH = 1_000;

type Batches = AsyncGenerator<ContactRow[], void, void>;

export function contactExportRoutes(deps: ApiDeps): Endpoint[] {
  const exportCsv: Endpoint['handle'] = async (request) => {
    const { workspaceId } = request.grant;
    const filter = await readFilter(deps, workspaceId, request.query);
    const segmentId = textParam(request.query, 'segment_id');
    if (segmentId !== undefined && !isEmpty(filter))
      throw invalid('segment_id', 'not_allowed', 'segment_id stands alone; to filter within segments, use segments[].');
    const batches =
      segmentId === undefined
        ? allFiltered((after) => filteredPage(deps, workspaceId, filter, after, BATCH))
        : allMembers(deps, workspaceId, segmentIdValue(segmentId), BATCH);
    return streamed(deps, request, csvHeaders('contacts.csv'), csvOf(batches));
  };

  return [{ method: 'GET', path: '/api/contacts.export', scopes: ['read'], handle: exportCsv }];
}

async function* allFiltered(pageAfter: (contactId: number) => Promise<ContactRow[]>): Batches {
  for (let after = 0; ; ) {
    const rows = await pageAfter(after);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    if (rows.length < BATCH) return;
    after = last.contact_id;
  }
}

/** The header goes out with the first rows: what fails before them can still be said. */
async function* csvOf(batches: Batches): Pieces {
  let header = contactCsvHeader();
  for await (const rows of batches) {
    yield header + rows.map(contactCsvRow).join('');
    header = '';
  }
  if (header !== '') yield header;
}
