/**
 * Fills both orders of the timeline with events that ClickHouse makes itself, in slices: the past of a workspace that has been in use
 * for two years. Both orders get the same rows, spread over the contacts, the kinds and the time as sent ones are.
 */
import { type Bed, count, mustBe, untilMerged } from './bed.ts';
import type { Population } from './population.ts';

const SLICE = 1_000_000;
const ORDERS = ['timeline_by_contact', 'timeline_by_kind'] as const;
const CAMPAIGN = 'past';
/** What is not merged by then is merged beside the turns, as in any busy installation. */
const MERGED_WITHIN_MS = 300_000;

/** Every column is a function of the row's number, so the two orders hold the same. */
const ROWS = `
  SELECT {ws:UInt32} AS workspace_id,
         multiIf(h % 100 < 45, 'insert_message_history', h % 100 < 85, 'open_email', h % 100 < 98, 'click_email', 'bounce_email') AS kind,
         toUInt32({first:UInt32} + cityHash64(number, 1) % {span:UInt32}) AS contact_id,
         fromUnixTimestamp64Milli({now:Int64} - toInt64(cityHash64(number, 2) % 63072000000), 'UTC') AS occurred_at,
         concat('past-', toString(number)) AS id,
         fromUnixTimestamp64Micro(toInt64({now:Int64} * 1000), 'UTC') AS recorded_at,
         toUInt32(number % 1000) AS ord,
         'message' AS entity_type,
         concat('msg-', toString(contact_id), '-', hex(h % 1000000)) AS entity_id,
         entity_id AS message_id,
         concat('tpl-', toString(h % 40)) AS template_id,
         concat('${CAMPAIGN}-', toString(h % 20)) AS campaign_id,
         '' AS list_id,
         if(kind = 'click_email', concat('https://shop.example/p/', toString(h % 5000), '?utm_source=mail'), '') AS link_url,
         '' AS changes,
         concat('{"agent":"Gmail image proxy","position":', toString(h % 12), '}') AS properties,
         18446744073709551615 - toUInt64({now:Int64} * 1000) AS keep_first
  FROM (SELECT number, cityHash64(number) AS h FROM numbers({from:UInt64}, {n:UInt64}))`;
const COLUMNS =
  'workspace_id, kind, contact_id, occurred_at, id, recorded_at, ord, entity_type, entity_id, message_id, template_id, campaign_id, list_id, link_url, changes, properties, keep_first';

/** Ids are dense within a workspace: nearly every number of the range is a contact. */
function idRange(ids: readonly number[]): [first: number, span: number] {
  const [lowest, highest] = ids.reduce(([low, high], id) => [Math.min(low, id), Math.max(high, id)], [Number.MAX_SAFE_INTEGER, 0]);
  return [lowest, highest - lowest + 1];
}

/** @returns seconds that the inserts took; afterwards it waits for the merges they cause, a bounded time. */
export async function fillTimeline(bed: Bed, people: Population, rows: number): Promise<number> {
  const progress = bed.output.progress('B7 filling the timeline', rows);
  const startedAt = performance.now();
  const now = Date.now();
  const [first, span] = idRange(people.contactIds);
  for (let from = 0; from < rows; from += SLICE) {
    bed.signal.throwIfAborted();
    const n = Math.min(SLICE, rows - from);
    const fill = (table: string): Promise<unknown> =>
      bed.clickhouse.command({
        query: `INSERT INTO ${table} (${COLUMNS}) ${ROWS}`,
        query_params: { ws: bed.workspaceId, first, span, now, from, n },
      });
    await Promise.all(ORDERS.map(fill));
    progress.add(n);
  }
  progress.done();
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const table of ORDERS) {
    const query = `SELECT count() AS n FROM ${table} WHERE workspace_id = {ws:UInt32} AND startsWith(campaign_id, '${CAMPAIGN}-')`;
    mustBe(`filled rows in ${table}`, rows, await count(bed, query));
  }
  bed.output.line('  waiting until the merges of the filled tables are done');
  await untilMerged(bed, MERGED_WITHIN_MS);
  return seconds;
}
