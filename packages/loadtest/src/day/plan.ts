/** What one demonstration day holds: sizes and names. */
export type DayPlan = {
  readonly seed: number;
  /** Number of the run on this installation: part of every address and id, so runs never meet. */
  readonly run: number;
  /** The day's "now", ms: events happened in the year before it. */
  readonly now: number;
  /** The end of every address of this run: what to ask for to see this run alone. */
  readonly tag: string;
  /** Contact records of the morning: persons, their duplicates and invalid ones. */
  readonly records: number;
  readonly persons: number;
  /** Events in all: activity, today's unsubscribes and bounces, custom events with their changes. */
  readonly events: number;
  readonly activity: number;
  readonly customKeys: number;
  readonly customItems: number;
  readonly statusEvents: number;
  /** Addresses that only events name. */
  readonly strangers: number;
  /** External ids that no contact has when their events come; every second one gets a contact in the evening. */
  readonly lateIds: number;
  /** Every how-manieth person is read back and compared entry by entry. */
  readonly sampleEvery: number;
};

/** `.example` is reserved for documentation: no address of the demonstration belongs to anybody. */
export function tagOf(seed: number, run: number): string {
  return `r${run}s${seed}.example`;
}

export function isSampled(plan: Pick<DayPlan, 'sampleEvery'>, person: number): boolean {
  return person % plan.sampleEvery === Math.min(3, plan.sampleEvery - 1);
}
