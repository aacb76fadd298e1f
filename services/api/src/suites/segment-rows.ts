/** Complete sets, joins and leaves of segments, as the segmenter writes them. */
import { type ClickHouse, clickhouseTime } from '@muster/clickhouse';

/** A complete set of an epoch, at an ISO time, and who joined and left with it, by contact id. */
export type StoredSet = { epoch: number; at: string; members: number[]; joined: number[]; parted: number[] };

const stamp = (iso: string) => `toDateTime64('${clickhouseTime(iso)}', 3, 'UTC')`;
const bitmap = (ids: readonly number[]) => `bitmapBuild(CAST([${ids.join(', ')}], 'Array(UInt32)'))`;

export const insertSet = (clickhouse: ClickHouse, ws: number, uid: number, { epoch, at, members, joined, parted }: StoredSet) =>
  clickhouse.command({
    query: `INSERT INTO segment_sets (workspace_id, segment_uid, epoch, at, members, joined, parted)
      SELECT ${ws}, ${uid}, ${epoch}, ${stamp(at)}, ${bitmap(members)}, ${bitmap(joined)}, ${bitmap(parted)}`,
  });

export const insertFlips = (clickhouse: ClickHouse, ws: number, uid: number, { epoch, at, joined, parted }: Omit<StoredSet, 'members'>) => {
  const row = (state: number) => (id: number) => [ws, uid, epoch, id, state, clickhouseTime(at)];
  return clickhouse.insert({
    table: 'segment_flips',
    columns: ['workspace_id', 'segment_uid', 'epoch', 'contact_id', 'state', 'at'],
    values: [...joined.map(row(1)), ...parted.map(row(0))],
    format: 'JSONCompactEachRow',
  });
};
