/**
 * The same questions as hand-written SQL, each as fast as its author could make it. Copies that are not merged yet do not count: where a
 * copy cannot change the answer it is read as it is, where it can, keys are counted once or the first copy decides.
 */
import type { EpochState, SegmentRow } from '@muster/postgres';
import { LAPSED } from './trees.ts';
import { LINK } from './world-rows.ts';
import type { Kind } from './writers.ts';

export type Question = {
  /** The moment of the evaluation, milliseconds. */
  readonly now: number;
  /** The segment that the nested tree refers to, and up to which epoch its joins and leaves are looked at. */
  readonly lapsed: SegmentRow;
  readonly epochs: EpochState;
};
export type Sql = { readonly query: string; readonly params: Record<string, unknown> };

const DAY_MS = 86_400_000;
const WS = 'workspace_id = {ws:UInt32}';
const within = (column: string, days: number): string =>
  `${column} > fromUnixTimestamp64Milli({now:Int64} - ${days * DAY_MS}, 'UTC') AND ${column} <= fromUnixTimestamp64Milli({now:Int64}, 'UTC')`;
const bitmapOf = (from: string): string => `(SELECT groupBitmapState(contact_id) FROM ${from})`;
const NEWSLETTER = bitmapOf(`contact_lists FINAL WHERE ${WS} AND list_id = 'newsletter' AND status = 'active'`);
const activeIn = (kind: Kind, days: number): string =>
  bitmapOf(`entry_times WHERE ${WS} AND kind = '${kind}' AND ${within('occurred_at', days)}`);
const purchases = `custom_events FINAL WHERE ${WS} AND deleted_at IS NULL AND goal_type = 'purchase'`;

/** By segment; each yields one row with the count `n`. */
const QUERIES: Readonly<Record<string, string>> = {
  bench_profile: `SELECT count() AS n FROM contacts FINAL WHERE ${WS} AND country IN ('DE', 'FR') AND language IN ('de', 'fr')
      AND custom_number_1 >= 500 AND ${within('created_at', 365)}`,
  bench_lists: `SELECT bitmapAndnotCardinality(${NEWSLETTER}, ${bitmapOf(`contact_lists FINAL WHERE ${WS} AND list_id = 'customers'`)}) AS n`,
  bench_opened: `SELECT count() AS n FROM (SELECT contact_id FROM entry_times
      WHERE ${WS} AND kind = 'open_email' AND ${within('occurred_at', 30)}
      GROUP BY contact_id HAVING uniqExact(entry, occurred_at) >= 3)`,
  bench_quiet: `SELECT bitmapAndnotCardinality(${NEWSLETTER}, ${activeIn('click_email', 90)}) AS n`,
  bench_spent: `SELECT count() AS n FROM (SELECT contact_id FROM ${purchases} GROUP BY contact_id HAVING sum(goal_value) >= 1000)`,
  [LAPSED]: `SELECT count() AS n FROM (SELECT contact_id FROM ${purchases} GROUP BY contact_id HAVING countIf(${within('occurred_at', 90)}) = 0)`,
  bench_link: `SELECT uniqExact(contact_id) AS n FROM (
      SELECT contact_id FROM timeline_by_kind WHERE ${WS} AND kind = 'click_email' AND (contact_id, occurred_at) IN (
        SELECT contact_id, occurred_at FROM timeline_by_kind
        WHERE ${WS} AND kind = 'click_email' AND link_url = {link:String} AND JSONExtractString(properties, 'agent') = 'Outlook 365')
      GROUP BY contact_id, occurred_at, id
      HAVING argMax((link_url, JSONExtractString(properties, 'agent')), keep_first) = ({link:String}, 'Outlook 365'))`,
  bench_nested: `WITH (SELECT groupBitmapMergeState(members) FROM segment_sets WHERE ${WS} AND segment_uid = {uid:UInt32} AND epoch = {base:UInt64}) AS base,
      (SELECT (groupBitmapState(contact_id), groupBitmapStateIf(contact_id, latest = 1)) FROM (
        SELECT contact_id, argMax(state, epoch) AS latest FROM segment_flips WHERE ${WS} AND segment_uid = {uid:UInt32}
          AND epoch > {base:UInt64} AND epoch <= {committed:UInt64} AND epoch NOT IN {voids:Array(UInt64)} GROUP BY contact_id)) AS moved
    SELECT bitmapAndnotCardinality(
      bitmapAnd(${activeIn('open_email', 30)}, ${bitmapOf(`contacts FINAL WHERE ${WS} AND country IN ('DE', 'FR')`)}),
      bitmapOr(bitmapAndnot(base, moved.1), moved.2)) AS n`,
};

export function baselineOf(id: string, { now, lapsed, epochs }: Question): Sql {
  const members = { uid: lapsed.segment_uid, base: lapsed.base_epoch ?? 0, committed: epochs.committed, voids: epochs.voidEpochs };
  return { query: QUERIES[id] ?? '', params: { now, link: LINK, ...members } };
}
