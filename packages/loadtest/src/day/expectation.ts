/** What the generator knows it sent: counters only, filled while requests are made. */
import { goalValueToScaled } from '@muster/domain';
import { type Call, type Fate, LIST_IDS, type ListId, type Outgoing } from './outgoing.ts';
import { type DayPlan, isSampled } from './plan.ts';
import { groupNamed, groupOf, membershipEntries, type Status, statusAtEvening, statusAtMorning, statusToday } from './status.ts';

export type EndCounts = Record<Exclude<Fate, 'refused'>, number>;
export type SampledPerson = { kinds: Map<string, number>; custom: Map<string, { kind: string; live: boolean; goalValue: string | null }> };

export class Expectation {
  readonly #plan: DayPlan;
  readonly ends: EndCounts = { applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0 };
  items = 0;
  refused = 0;
  requests = 0;
  readonly refusedByCode = new Map<string, number>();
  readonly warningsByCode = new Map<string, number>();
  /** Per kind, how many items end how. */
  readonly kinds = new Map<string, EndCounts>();
  readonly sample = new Map<number, SampledPerson>();
  readonly #strangers = new Set<string>();

  constructor(plan: DayPlan) {
    this.#plan = plan;
  }

  get accepted(): number {
    return this.items - this.refused;
  }

  /** Notes a request; call it in the order in which the requests are made. */
  note(call: Call): void {
    this.requests += 1;
    for (const item of call.items) this.#item(item);
  }

  /** Contacts of the run, the mark of its beginning included. */
  contacts(): number {
    const late = Math.ceil(this.#plan.lateIds / 2);
    return 1 + this.#plan.persons + this.#strangers.size + late;
  }

  #item(item: Outgoing): void {
    this.items += 1;
    for (const code of item.warnings ?? []) bump(this.warningsByCode, code);
    if (item.fate === 'refused') {
      this.refused += 1;
      for (const code of item.codes ?? []) bump(this.refusedByCode, code);
      return;
    }
    this.ends[item.fate] += 1;
    const kind = this.kinds.get(item.kind) ?? { applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0 };
    kind[item.fate] += 1;
    this.kinds.set(item.kind, kind);
    if (item.stranger !== undefined) this.#strangers.add(item.stranger);
    if (item.fate === 'applied' && item.person !== undefined && isSampled(this.#plan, item.person)) this.#sampled(item.person, item);
  }

  #sampled(person: number, item: Outgoing): void {
    const seen = this.sample.get(person) ?? { kinds: new Map(), custom: new Map() };
    this.sample.set(person, seen);
    if (item.custom) seen.custom.set(item.custom.key, { kind: item.kind, live: item.custom.live, goalValue: item.custom.goalValue });
    else bump(seen.kinds, item.kind);
  }
}

/** Timeline entries per kind that a sampled person must show, and the money of the live goals in ten-thousandths. */
export function sampledEntries(plan: DayPlan, person: number, seen: SampledPerson): { kinds: Map<string, number>; money: bigint } {
  const kinds = new Map(seen.kinds);
  for (const kind of membershipEntries(plan.seed, person, LIST_IDS)) bump(kinds, kind);
  bump(kinds, 'contact.created');
  let money = 0n;
  for (const event of seen.custom.values()) {
    if (!event.live) continue;
    bump(kinds, event.kind);
    if (event.goalValue !== null) money += goalValueToScaled(event.goalValue);
  }
  return { kinds, money };
}

/** Members per list and status at the end of the day. */
export function expectedMembers(plan: DayPlan): Record<ListId, Map<Status, number>> {
  const members: Record<ListId, Map<Status, number>> = { newsletter: new Map(), customers: new Map() };
  for (let person = 0; person < plan.persons; person += 1) {
    const group = groupNamed(groupOf(plan.seed, person));
    const today = statusToday(plan.seed, person);
    for (const list of LIST_IDS) {
      const status = statusAtEvening(statusAtMorning(group, list), today, list);
      if (status !== null) bump(members[list], status);
    }
  }
  return members;
}

export function bump<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
