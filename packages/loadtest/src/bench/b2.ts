/**
 * B2: events in batches of 1,000, from the first byte sent until the last event is queryable in both orders of the timeline.
 *
 * Baseline: the rows that come of the same events, with their contacts already known, inserted into both orders by the ClickHouse client
 * in batches of 1,000 over as many connections. They go into copies of the tables, so that neither side merges the other's rows; both
 * grow from round to round alike.
 *
 * The clock ends when the ledger says that all of it is delivered, which is after ClickHouse acknowledged the last insert; then the
 * events are counted in either order, and a missing one ends the run.
 */
import { randomUUID } from 'node:crypto';
import { acceptanceOf, type TimelineRow, timelineRow } from '@muster/clickhouse';
import { batches, bodies, inBatches, send } from './batches.ts';
import { type Bed, count, ledgerMark, mustBe, untilMerged, untilStored } from './bed.ts';
import { benchEvent } from './items.ts';
import { measure } from './measure.ts';
import { BATCH, scaled } from './options.ts';
import type { Population } from './population.ts';
import type { Measurement, Round, Row } from './result.ts';
import { rowOf } from './rows.ts';

const WARM_UP = 50_000;
const ORDERS = ['timeline_by_contact', 'timeline_by_kind'] as const;
const copyOf = (table: string): string => `bench_${table}`;

/** Events of one turn at full scale. */
export const EVENTS = 1_000_000;

export async function runB2(bed: Bed, people: Population): Promise<Row> {
  const items = scaled(EVENTS, bed.options.SCALE);
  for (const table of ORDERS) await bed.clickhouse.command({ query: `CREATE TABLE ${copyOf(table)} AS ${table}` });
  await warmUpB2(bed, people);
  await baselineTurn(bed, people, 'b2-warm', scaled(WARM_UP, bed.options.SCALE), 'B2 warm-up base');
  const rounds: Round[] = [];
  for (let n = 1; n <= bed.options.ROUNDS; n += 1) {
    const tag = `b2-${n}`;
    const system = await systemTurn(bed, people, tag, items, `B2 round ${n}`);
    const baseline = await baselineTurn(bed, people, tag, items, `B2 round ${n} base`);
    rounds.push({ system, baseline, others: {} });
  }
  const withIds = await systemTurn(bed, people, 'b2-ids', items, 'B2 with ids', { ids: true });
  const last = rounds.at(-1);
  if (last !== undefined) last.others['events with ids'] = withIds;
  return rowOf({
    id: 'B2',
    work: `${items.toLocaleString('en-US')} events in batches of ${BATCH}, first byte sent to last event queryable in both orders`,
    unit: 'events/s',
    baselineWork: 'the same rows into copies of the same tables with the ClickHouse client, same batches and connections',
    goal: { rate: 40_000, ratio: 0.5 },
    rounds,
  });
}

/** Lets both sides warm up on events that do not count. */
export async function warmUpB2(bed: Bed, people: Population): Promise<void> {
  await systemTurn(bed, people, 'b2-warm', scaled(WARM_UP, bed.options.SCALE), 'B2 warm-up');
}

/** One turn of the system; the events carry `tag` and are counted afterwards. */
export async function systemTurn(
  bed: Bed,
  people: Population,
  tag: string,
  items: number,
  label: string,
  options: { ids?: boolean } = {},
): Promise<Measurement> {
  const now = Date.now();
  const all = await bodies(bed, items, 'events', (n) => {
    const { contact, event } = benchEvent(bed.options.SEED, tag, n, people.size, now);
    return { ...(options.ids === true ? { id: `${tag}-${n}` } : {}), email: people.email(contact), ...event };
  });
  await untilMerged(bed);
  const mark = await ledgerMark(bed);
  const progress = bed.output.progress(label, items);
  const measured = await measure(bed, async () => {
    const startedAt = performance.now();
    // The ledger is watched from the start: the end may come right after the last answer.
    const stored = untilStored(bed, mark, items, (n) => progress.add(n));
    const sent = send(bed, '/api/timeline.ingest', all).then((notes) => ({ ...notes, sending_seconds: secondsSince(startedAt) }));
    const [notes] = await Promise.all([sent, stored]);
    return { items, notes };
  });
  progress.done();
  for (const table of ORDERS) mustBe(`${label}: events in ${table}`, items, await countTagged(bed, table, tag));
  return measured;
}

async function baselineTurn(bed: Bed, people: Population, tag: string, items: number, label: string): Promise<Measurement> {
  const all = await tableRows(bed, people, tag, items);
  await untilMerged(bed);
  const progress = bed.output.progress(label, items);
  const measured = await measure(bed, async () => {
    await inBatches(bed, all, async (values) => {
      for (const table of ORDERS) await bed.clickhouse.insert({ table: copyOf(table), values, format: 'JSONEachRow' });
      progress.add(values.length);
    });
    return { items };
  });
  progress.done();
  for (const table of ORDERS) mustBe(`${label}: rows in ${table}`, items, await countTagged(bed, copyOf(table), tag));
  return measured;
}

/** The rows that the system would store: same columns, same kind of ids. */
function tableRows(bed: Bed, people: Population, tag: string, items: number): Promise<TimelineRow[][]> {
  const now = Date.now();
  const accepted = acceptanceOf(now * 1_000);
  let root = '';
  return batches(bed, items, (n) => {
    if (n % BATCH === 0) root = randomUUID();
    const { contact, event } = benchEvent(bed.options.SEED, tag, n, people.size, now);
    const { kind, occurred_at: occurredAt, properties, ...message } = event;
    return timelineRow({
      workspaceId: bed.workspaceId,
      contactId: people.contactIds[contact] ?? 0,
      kind,
      occurredAt,
      id: `${root}:${n % BATCH}`,
      accepted,
      ord: n % BATCH,
      entityType: 'message',
      entityId: message.message_id,
      message,
      properties,
    });
  });
}

function countTagged(bed: Bed, table: string, tag: string): Promise<number> {
  return count(bed, `SELECT uniqExact(id) AS n FROM ${table} WHERE workspace_id = {ws:UInt32} AND startsWith(campaign_id, {tag:String})`, {
    tag: `${tag}-`,
  });
}

const secondsSince = (startedAt: number): number => Math.round(performance.now() - startedAt) / 1_000;
