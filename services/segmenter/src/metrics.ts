import { Counter, Gauge, Histogram, type Registry } from '@muster/runtime';

export type SegmenterMetrics = ReturnType<typeof createSegmenterMetrics>;

/**
 * @param readDrift contacts that the last audits found on the wrong side, by workspace; asked when the metrics are. Null = not known now:
 *   the last figure stays
 */
export function createSegmenterMetrics(
  registry: Registry,
  readDrift: () => Promise<ReadonlyMap<number, number> | null> = async () => null,
) {
  const registers = [registry];
  return {
    stepSeconds: new Histogram({
      name: 'muster_segment_step_seconds',
      help: 'Time of one step of an evaluator',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    membershipSeconds: new Histogram({
      name: 'muster_change_to_membership_seconds',
      help: 'Mark of a touched contact to its segments being right',
      buckets: [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60],
      registers,
    }),
    buildSeconds: new Histogram({
      name: 'muster_segment_build_seconds',
      help: 'Full computation of a segment, by reason',
      labelNames: ['reason'],
      buckets: [0.05, 0.1, 0.2, 0.4, 1, 2, 5, 10, 30, 60],
      registers,
    }),
    flips: new Counter({ name: 'muster_segment_flips_total', help: 'Joins and leaves', labelNames: ['state'], registers }),
    failures: new Counter({ name: 'muster_segment_failures_total', help: 'Segments that turned failed', registers }),
    evaluated: new Counter({ name: 'muster_segments_evaluated_total', help: 'Segments evaluated for touched contacts', registers }),
    statements: new Counter({
      name: 'muster_segment_statements_total',
      help: 'Statements sent to ClickHouse, by purpose',
      labelNames: ['purpose'],
      registers,
    }),
    drift: new Gauge({
      name: 'muster_segment_drift_contacts',
      help: 'Contacts on the wrong side of a segment in the last audit; must be 0',
      labelNames: ['workspace'],
      registers,
      // From the table, not from the audits of this process: the next one may be another's, and this one would tell of the old for ever.
      async collect() {
        const drift = await readDrift();
        if (!drift) return;
        this.reset();
        for (const [workspace, contacts] of drift) this.set({ workspace: String(workspace) }, contacts);
      },
    }),
  };
}
