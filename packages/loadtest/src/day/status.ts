/** Memberships: what a person is subscribed to in the morning, what happens to that during the day, and how it must end. */
import { random, weighted } from '../random.ts';
import { type Group, LISTS, type ListId } from './outgoing.ts';

const GROUPS = {
  none: { lists: [], confirmed: false },
  newsletter: { lists: ['newsletter'], confirmed: false },
  newsletter_confirmed: { lists: ['newsletter'], confirmed: true },
  customers: { lists: ['customers'], confirmed: false },
  both: { lists: ['newsletter', 'customers'], confirmed: false },
  both_confirmed: { lists: ['newsletter', 'customers'], confirmed: true },
} as const satisfies Record<string, Group>;
export type GroupName = keyof typeof GROUPS;

export function groupOf(seed: number, person: number): GroupName {
  const shares = { none: 25, newsletter: 12, newsletter_confirmed: 20, customers: 23, both: 8, both_confirmed: 12 };
  return weighted(random(seed, 'group', person), shares);
}

export function groupNamed(name: GroupName): Group {
  return GROUPS[name];
}

export type StatusToday = 'unsubscribe_all' | 'unsubscribe_newsletter' | 'bounce_permanent' | 'bounce_transient' | 'complain';

/** At most one a day for a person, so how the day ends does not depend on which of two is worked on first. */
export function statusToday(seed: number, person: number): StatusToday | null {
  const shares = { unsubscribe_all: 8, unsubscribe_newsletter: 10, bounce_permanent: 12, bounce_transient: 10, complain: 3, none: 957 };
  const today = weighted(random(seed, 'status', person), shares);
  return today === 'none' ? null : today;
}

export type Status = 'active' | 'pending' | 'unsubscribed' | 'bounced' | 'complained';

export function statusAtMorning(group: Group, list: ListId): Status | null {
  if (!group.lists.includes(list)) return null;
  return LISTS[list].doubleOptin && !group.confirmed ? 'pending' : 'active';
}

/** A bounce or complaint changes a membership only where there is one; an unsubscribe that names a list makes one where there is none. */
export function statusAtEvening(morning: Status | null, today: StatusToday | null, list: ListId): Status | null {
  switch (today) {
    case 'unsubscribe_newsletter':
      return list === 'newsletter' ? 'unsubscribed' : morning;
    case 'unsubscribe_all':
      return morning && 'unsubscribed';
    case 'bounce_permanent':
      return morning && 'bounced';
    case 'complain':
      return morning && 'complained';
    default:
      return morning;
  }
}

/** Kinds of the timeline entries that a person's memberships make during the day. */
export function membershipEntries(seed: number, person: number, lists: readonly ListId[]): string[] {
  const group = groupNamed(groupOf(seed, person));
  const today = statusToday(seed, person);
  return lists.flatMap((list) => {
    const morning = statusAtMorning(group, list);
    const evening = statusAtEvening(morning, today, list);
    const first = morning === 'active' ? ['list.subscribed'] : morning === 'pending' ? ['list.pending'] : [];
    return evening !== morning && evening !== null ? [...first, `list.${evening}`] : first;
  });
}
