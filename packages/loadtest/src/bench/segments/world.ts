/**
 * The world of B4 and B5: a workspace with a past, put into the stores directly.
 *
 *   (nothing | a smaller world) ──extendWorld──▶ filling ──▶ filled
 *
 * What it holds is noted beside the data, so a directory that is kept can be used again. One that was interrupted while it was filled
 * cannot. Profiles in Postgres have no fields: events find their contacts there, and segments read the mirror.
 */
import { readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Bed, count, mustBe, untilMerged } from '../bed.ts';
import { BenchError } from '../errors.ts';
import { CONTACTS, LISTS, MEMBERSHIPS, PURCHASES, type Rows, timelineRows } from './world-rows.ts';

const counts = z.object({ contacts: z.number().int(), events: z.number().int(), purchases: z.number().int() });
export type Counts = z.infer<typeof counts>;
const note = counts.extend({ now: z.number().int(), filling: z.boolean() });
type Note = z.infer<typeof note>;

export type World = Counts & {
  /** Its present, milliseconds: all of its past is before. */
  readonly now: number;
};

const NOTE = 'bench-world.json';
const SLICE = 1_000_000;
/**
 * The largest world is filled as merges leave one: in large parts, each of other contacts, which are not merged any more. Merging a billion
 * rows takes two cores an hour, and needs as much room again.
 */
const LARGE_SLICE = 8_000_000;
const LARGE_BLOCKS = {
  max_block_size: '1000000',
  max_insert_block_size: String(LARGE_SLICE),
  min_insert_block_size_rows: String(LARGE_SLICE),
  min_insert_block_size_bytes: '8000000000',
};
const LARGE_TABLES = "default_compression_codec = 'ZSTD(1)', max_bytes_to_merge_at_max_space_in_pool = 100000000";
/** Both orders and the time of an event, as measured (221; narrow ones in large parts 50), with room for merges under way. */
const BYTES_AN_EVENT = { wide: 250, narrow: 65 };
/** The largest world has so many times the contacts of the first. */
const ROOM = 4;
const MERGED_WITHIN_MS = 600_000;

export function worldCounts(scale: number, big: boolean): Counts {
  const whole = (n: number): number => Math.max(1_000, Math.round(n * scale));
  return big
    ? { contacts: 10_000_000, events: 1_000_000_000, purchases: 40_000_000 }
    : { contacts: whole(1_000_000), events: whole(50_000_000), purchases: whole(2_000_000) };
}

/** Fills what is missing to these counts. @throws BenchError when the directory holds more, or half of something, or the disk is too small. */
export async function extendWorld(bed: Bed, wanted: Counts): Promise<World> {
  const path = join(bed.stack.stores.dataDir, NOTE);
  const known = readNote(path) ?? { contacts: 0, events: 0, purchases: 0, now: Date.now(), filling: false };
  if (known.filling || known.events > wanted.events || known.contacts > wanted.contacts)
    throw new BenchError(
      `${path} says that this directory ${known.filling ? 'was not filled to its end' : 'holds more than is wanted'}: remove it, or name another one with DATA.`,
    );
  const write = (filling: boolean): void => writeFileSync(path, JSON.stringify({ ...wanted, now: known.now, filling } satisfies Note));
  if (known.events < wanted.events) {
    checkDisk(path, wanted.events - known.events, bed.options.BIG);
    write(true);
    await fill(bed, known, wanted);
    write(false);
  }
  return { ...wanted, now: known.now };
}

/** Some rows arrive once more, as after a crash: until they are merged, every reader has to tell copies apart. */
export async function sendAgain(bed: Bed): Promise<void> {
  for (const { tables } of [CONTACTS, MEMBERSHIPS, PURCHASES, timelineRows(bed.options.BIG)])
    for (const table of tables)
      await bed.clickhouse.command({
        query: `INSERT INTO ${table} SELECT * FROM ${table} WHERE workspace_id = {ws:UInt32} AND contact_id % 500 = 3`,
        query_params: { ws: bed.workspaceId },
      });
}

function readNote(path: string): Note | null {
  try {
    return note.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function checkDisk(path: string, events: number, narrow: boolean): void {
  const { bavail, bsize } = statfsSync(join(path, '..'));
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(0)} GB`;
  const needed = events * BYTES_AN_EVENT[narrow ? 'narrow' : 'wide'];
  if (needed > bavail * bsize)
    throw new BenchError(
      `${events.toLocaleString('en-US')} events need about ${gigabytes(needed)}, and ${gigabytes(bavail * bsize)} are free at ${path}. Name a directory on a larger disk with DATA, or choose a smaller SCALE.`,
    );
}

async function fill(bed: Bed, from: Counts, to: Counts): Promise<void> {
  const now = readNote(join(bed.stack.stores.dataDir, NOTE))?.now ?? 0;
  const params = { now, first: from.contacts + 1, span: to.contacts - from.contacts };
  const slices = (label: string, rows: Rows, begin: number, end: number): Promise<void> =>
    insertSlices(bed, label, rows, { begin, end, size: SLICE, paramsOf: () => params });
  for (const id of LISTS) if (from.contacts === 0) await bed.client.createList({ id, name: id });
  await fillProfiles(bed, from.contacts, to.contacts);
  await slices('contacts, mirror', CONTACTS, from.contacts, to.contacts);
  await slices('memberships', MEMBERSHIPS, from.contacts, to.contacts);
  await slices('purchases', PURCHASES, from.purchases, to.purchases);
  const timeline = timelineRows(bed.options.BIG);
  if (bed.options.BIG) await fillLarge(bed, timeline, from, to, now);
  else await slices('events', timeline, from.events, to.events);
  // The new rows belong to the new contacts, so what arrived since the last time is not among them.
  const added = { contacts: to.contacts - from.contacts, purchases: to.purchases - from.purchases, events: to.events - from.events };
  for (const [{ tables }, rows] of [
    [CONTACTS, added.contacts],
    [PURCHASES, added.purchases],
    [timeline, added.events],
  ] as const)
    for (const table of tables) {
      const query = `SELECT count() AS n FROM ${table} WHERE workspace_id = {ws:UInt32} AND contact_id > {after:UInt32} AND contact_id <= {to:UInt32}`;
      mustBe(`rows added to ${table}`, rows, await count(bed, query, { after: from.contacts, to: to.contacts }));
    }
  bed.output.line('  waiting until the merges of the filled tables are done');
  await untilMerged(bed, MERGED_WITHIN_MS);
}

/** The events of a part belong to as many contacts as there are events for. */
async function fillLarge(bed: Bed, timeline: Rows, from: Counts, to: Counts, now: number): Promise<void> {
  for (const table of [...timeline.tables, 'entry_times'])
    await bed.clickhouse.command({ query: `ALTER TABLE ${table} MODIFY SETTING ${LARGE_TABLES}` });
  const share = (to.contacts - from.contacts) / (to.events - from.events);
  const contactsBefore = (event: number): number => from.contacts + Math.floor((event - from.events) * share);
  const paramsOf = (begin: number, n: number): Record<string, number> => ({
    ...{ now, first: contactsBefore(begin) + 1, span: contactsBefore(begin + n) - contactsBefore(begin) },
  });
  await insertSlices(bed, 'events', timeline, { begin: from.events, end: to.events, size: LARGE_SLICE, settings: LARGE_BLOCKS, paramsOf });
}

type Slices = {
  readonly begin: number;
  readonly end: number;
  readonly size: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the `n` rows from `begin` on. */
  readonly paramsOf: (begin: number, n: number) => Record<string, number>;
};

async function insertSlices(bed: Bed, label: string, rows: Rows, { begin, end, size, settings, paramsOf }: Slices): Promise<void> {
  const progress = bed.output.progress(label, end - begin);
  for (let from = begin; from < end; from += size) {
    bed.signal.throwIfAborted();
    const n = Math.min(size, end - from);
    const insert = (table: string): Promise<unknown> =>
      bed.clickhouse.command({
        query: `INSERT INTO ${table} (${rows.columns.join(', ')}) ${rows.select}`,
        query_params: { ws: bed.workspaceId, from, n, ...paramsOf(from, n) },
        ...(settings && { clickhouse_settings: settings }),
      });
    await Promise.all(rows.tables.map(insert));
    progress.add(n);
  }
  progress.done();
}

async function fillProfiles(bed: Bed, begin: number, end: number): Promise<void> {
  const progress = bed.output.progress('contacts, profiles', end - begin);
  // Contacts that come through the API get ids behind these, and behind those of a world that is made larger later.
  await bed.pool.query('UPDATE workspaces SET next_contact_id = greatest(next_contact_id, $2) WHERE workspace_id = $1', [
    bed.workspaceId,
    ROOM * end + 1,
  ]);
  for (let from = begin; from < end; from += SLICE / 10) {
    bed.signal.throwIfAborted();
    const to = Math.min(end, from + SLICE / 10);
    await bed.pool.query(
      `INSERT INTO contacts (workspace_id, contact_id, email, created_at, updated_at)
       SELECT $1, id, 'c' || id || '@bench.example', now(), now() FROM generate_series($2::int, $3::int) AS id`,
      [bed.workspaceId, from + 1, to],
    );
    progress.add(to - from);
  }
  progress.done();
}
