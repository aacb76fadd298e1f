/** The evening: what can only be decided once the day has been applied. */
import { random } from '../random.ts';
import type { Outgoing } from './outgoing.ts';
import { emailOf, externalIdOf, hasExternalId, messyEmail } from './person.ts';
import { type DayPlan, isSampled } from './plan.ts';
import { groupNamed, groupOf, statusToday } from './status.ts';

/** An id that events name before any contact has it. */
export function lateIdOf(plan: DayPlan, n: number): string {
  return `late-${plan.run}-${plan.seed}-${n}`;
}

/** Every second late id gets a contact; the events of the others stay parked. */
export function getsContact(n: number): boolean {
  return n % 2 === 0;
}

export function* lateContacts(plan: DayPlan): Generator<Outgoing> {
  for (let n = 0; n < plan.lateIds; n += 1) {
    if (!getsContact(n)) continue;
    const body = { email: `late.${n}@mail.${plan.tag}`, external_id: lateIdOf(plan, n), first_name: 'Late' };
    yield { body, fate: 'applied', kind: 'contact' };
  }
}

/** New addresses that claim the id of somebody else: accepted, and rejected when they are applied. */
export function* takenIds(plan: DayPlan): Generator<Outgoing> {
  for (const person of everySo(plan, 2_000, (p) => hasExternalId(plan.seed, p))) {
    const body = { email: `impostor.${person}@mail.${plan.tag}`, external_id: externalIdOf(plan, person) };
    yield { body, fate: 'rejected', kind: 'contact' };
  }
}

/** Persons found by their id who have another address now. */
export function* movedPersons(plan: DayPlan): Generator<Outgoing> {
  for (const person of everySo(plan, 1_000, (p) => hasExternalId(plan.seed, p) && !isSampled(plan, p))) {
    const body = { email: `moved.${person}@mail.${plan.tag}`, external_id: externalIdOf(plan, person) };
    yield { body, fate: 'applied', kind: 'contact' };
  }
}

/** Persons who unsubscribed today and come with the next import all the same: they stay unsubscribed. */
export function* resubscribed(plan: DayPlan): Generator<Outgoing> {
  const left = (p: number) =>
    statusToday(plan.seed, p) === 'unsubscribe_all' && groupNamed(groupOf(plan.seed, p)).lists.includes('newsletter');
  for (const person of everySo(plan, 500, left)) {
    const body = { email: messyEmail(emailOf(plan, person), random(plan.seed, 'resubscribed', person)) };
    yield { body, fate: 'unchanged', kind: 'contact' };
  }
}

/** The first person of every `step` persons of whom the test holds. */
function* everySo(plan: DayPlan, step: number, test: (person: number) => boolean): Generator<number> {
  for (let from = 0; from < plan.persons; from += step) {
    const to = Math.min(plan.persons, from + step);
    for (let person = from; person < to; person += 1) {
      if (!test(person)) continue;
      yield person;
      break;
    }
  }
}
