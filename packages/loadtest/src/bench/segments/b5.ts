/**
 * B5: from an event's acknowledgement until readers see the membership that it changes, among events of Zipf-distributed contacts at a
 * steady rate, with fifty active segments of which an event concerns ten. And how late readers see a contact leave whose last event fell
 * out of a window.
 *
 * There is no baseline: the figures are times that people wait. When the writers have ended, one segment of each kind is audited: a
 * contact on the wrong side ends the run.
 */
import { performance } from 'node:perf_hooks';
import { changeSegments, requestBuilds, type SegmentRow } from '@muster/postgres';
import { random } from '../../random.ts';
import { type Bed, mustBe, untilIdle, untilMerged } from '../bed.ts';
import type { Measurement, Round, Row } from '../result.ts';
import { timedRowOf } from '../rows.ts';
import { quantile } from '../statistics.ts';
import { createSegments, removeSegments, stateOf, untilShown, untilState } from './definitions.ts';
import { EDGE_KIND, EDGE_SEGMENT, fiftySegments, KINDS, segmentOf } from './fifty.ts';
import { makeProbes, type Probe, type Sent, sendProbe, Watch } from './probes.ts';
import type { World } from './world.ts';
import { startWriters, type Writers, writersRate } from './writers.ts';

const PROBES = 200;
const EDGE_PROBES = 40;
const SECONDS = 60;
const SETTLE_SECONDS = 20;
/** Probes are waited for so long after the last one was sent; what readers do not see by then counts as so late. */
const WAIT_MS = 60_000;
/** About 26 seconds; in a run at a share of the counts three. */
const EDGE_DAYS = { whole: 0.0003, share: 0.00003 };
const DAY_MS = 86_400_000;

type Turn = { readonly joins: readonly number[]; readonly exits: readonly number[]; readonly events: number; readonly unseen: number };

export async function runB5(bed: Bed, world: World): Promise<Row[]> {
  const { SCALE, ROUNDS } = bed.options;
  const edgeDays = SCALE >= 1 ? EDGE_DAYS.whole : EDGE_DAYS.share;
  const segments = fiftySegments(edgeDays);
  await removeSegments(bed);
  bed.output.line('  building the fifty segments');
  await createSegments(bed, segments);
  await untilShown(
    bed,
    segments.map(({ id }) => id),
  );
  await untilMerged(bed);
  const size = { joins: share(PROBES, SCALE, 10), exits: share(EDGE_PROBES, SCALE, 3) };
  const all = await makeProbes(bed, `${world.now}-${Date.now()}`, ROUNDS * (size.joins + size.exits));
  const progress = bed.output.progress('probes', all.length);
  const writers = startWriters(bed, world, 'b5');
  const turns: { turn: Turn; cpu: Record<string, number>; seconds: number }[] = [];
  try {
    await bed.pause(share(SETTLE_SECONDS, SCALE, 1) * 1_000);
    for (let n = 0; n < ROUNDS; n += 1) {
      const probes = { joins: all.splice(0, size.joins), exits: all.splice(0, size.exits) };
      const startedAt = performance.now();
      const { value, cpu } = await bed.cpu.measure(() => probeTurn(bed, writers, probes, edgeDays * DAY_MS, n, () => progress.add(1)));
      turns.push({ turn: value, cpu, seconds: (performance.now() - startedAt) / 1_000 });
    }
  } finally {
    await writers.stop();
  }
  progress.done(`${writers.sent().toLocaleString('en-US')} events meanwhile`);
  await audit(bed);
  const data = `${world.contacts.toLocaleString('en-US')} contacts, ${world.events.toLocaleString('en-US')} events, 50 segments of which an event concerns 10, ${writersRate(SCALE).toLocaleString('en-US')} events/s of Zipf-distributed contacts`;
  const row = (id: string, work: string, ms: number, latency: (turn: Turn) => number): Row =>
    timedRowOf({
      ...{ id, work: `${work} (${data})`, baselineWork: null },
      goal: { ms, ratio: null },
      rounds: turns.map(
        ({ turn, cpu, seconds }): Round => ({ system: measurementOf(turn, latency(turn), cpu, seconds), baseline: null, others: {} }),
      ),
    });
  return [
    row('B5.p95', 'event acknowledged → membership seen, 95 of 100', 2_000, (t) => quantile(t.joins, 0.95)),
    row('B5.p99', 'event acknowledged → membership seen, 99 of 100', 5_000, (t) => quantile(t.joins, 0.99)),
    row('B5.exit', 'end of a window → leave seen, the latest', 5_000, (t) => Math.max(...t.exits)),
  ];
}

const share = (full: number, scale: number, least: number): number => Math.max(least, Math.round(full * Math.min(1, scale)));

function measurementOf(turn: Turn, ms: number, cpu: Record<string, number>, seconds: number): Measurement {
  const items = Math.max(1, turn.events);
  const notes = {
    ...{
      probes: turn.joins.length,
      p50_ms: quantile(turn.joins, 0.5),
      p95_ms: quantile(turn.joins, 0.95),
      p99_ms: quantile(turn.joins, 0.99),
    },
    ...{ exit_p50_ms: quantile(turn.exits, 0.5), exit_max_ms: Math.max(...turn.exits), unseen: turn.unseen },
    events_per_second: turn.events / seconds,
  };
  return {
    items,
    // A leave may be seen in the very millisecond.
    seconds: Math.max(0.001, ms / 1_000),
    rate: 1_000 / Math.max(1, ms),
    cpu_us: Object.fromEntries(Object.entries(cpu).map(([name, micros]) => [name, Math.round((micros / items) * 100) / 100])),
    notes: Object.fromEntries(Object.entries(notes).map(([name, value]) => [name, Math.round(value)])),
  };
}

/** Sends the probes at moments of their own among the writers' events, and waits for all of them. */
async function probeTurn(
  bed: Bed,
  writers: Writers,
  probes: { joins: readonly Probe[]; exits: readonly Probe[] },
  windowMs: number,
  round: number,
  onSent: () => void,
): Promise<Turn> {
  const uids = new Map<string, number>();
  for (const id of [...KINDS.map(segmentOf), EDGE_SEGMENT]) uids.set(id, (await stateOf(bed, id)).segment_uid);
  const watch = new Watch(bed);
  const before = writers.sent();
  const sent: { joins: Sent[]; exits: Sent[] } = { joins: [], exits: [] };
  const r = random(bed.options.SEED, 'probes', round);
  const lasting = share(SECONDS, bed.options.SCALE, 3) * 1_000;
  const send = async (probe: Probe, kind: (typeof KINDS)[number], segment: string, leaves: boolean): Promise<void> => {
    await bed.pause(r.next() * lasting);
    const one = await sendProbe(bed, probe, kind, uids.get(segment) ?? 0);
    (leaves ? sent.exits : sent.joins).push(one);
    watch.add(one, leaves);
    onSent();
  };
  await Promise.all([
    ...probes.joins.map((probe, n) => {
      const kind = KINDS[n % KINDS.length] ?? EDGE_KIND;
      return send(probe, kind, segmentOf(kind), false);
    }),
    ...probes.exits.map((probe) => send(probe, EDGE_KIND, EDGE_SEGMENT, true)),
  ]);
  await watch.untilSeen(WAIT_MS + windowMs);
  const unseen = watch.waiting.length;
  await watch.stop();
  const [late, now] = [performance.now(), Date.now()];
  return {
    joins: sent.joins.map((p) => (p.joinedAt ?? late) - p.acknowledgedAt),
    exits: sent.exits.map((p) => Math.max(0, (p.leftAt ?? now) - (p.occurredAt + windowMs))),
    events: writers.sent() - before,
    unseen,
  };
}

/** A fast evaluator that is wrong is not fast. */
async function audit(bed: Bed): Promise<void> {
  await untilIdle(bed);
  const since = Date.now();
  const ids = KINDS.map(segmentOf);
  await changeSegments(bed.pool, bed.workspaceId, async (client) => {
    for (const id of ids) await requestBuilds(client, bed.workspaceId, id, 'audit');
  });
  for (const id of ids) {
    const isDone = (row: SegmentRow): boolean => row.audited_at !== null && row.audited_at.getTime() >= since && row.build_reason === null;
    const { audit_drift } = await untilState(bed, id, 'audited', isDone);
    mustBe(`${id}: contacts on the wrong side`, 0, audit_drift ?? 0);
  }
}
