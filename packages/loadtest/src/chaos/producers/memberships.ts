/** Memberships: subscribed, decided by hand, removed, subscribed again; each contact's operations in sequence. */
import type { Random } from '../../random.ts';
import { DOMAIN, type Producer, type ProducerDeps } from './producer.ts';
import type { MembershipRecord } from './record.ts';

export const LISTS = ['chaos-news', 'chaos-offers'] as const;
const CONTACTS = 40;

export type Operation = 'subscribe' | 'remove' | 'active' | 'unsubscribed';
const OPERATIONS = ['subscribe', 'remove', 'active', 'unsubscribed'] as const satisfies readonly Operation[];

/** The status after an operation: subscribing revives nobody who left; a status that is set is set; null = no membership. */
export function after(status: string | null, operation: Operation): string | null {
  if (operation === 'remove') return null;
  if (operation === 'subscribe') return status ?? 'active';
  return operation;
}

export function memberships({ knowledge, patient }: ProducerDeps, group: number): Producer {
  const apply = async (email: string, list: string, operation: Operation): Promise<void> => {
    const call = { subscribe: 'subscribe', remove: 'removeContact', active: 'updateStatus', unsubscribed: 'updateStatus' }[operation];
    const decided = call === 'updateStatus' ? { status: operation } : {};
    const { fate } = await patient.send(`contactLists.${call}`, { email, list_id: list, ...decided }, 1);
    const key = `${email} ${list}`;
    const known: MembershipRecord = knowledge.memberships.get(key) ?? { expected: null, uncertain: false };
    if (fate === 'unknown') known.uncertain = true;
    known.expected = after(known.expected, operation);
    knowledge.memberships.set(key, known);
  };
  const begun = new Set<string>();
  return {
    step: async (r: Random) => {
      const email = `member-${group}-${r.int(CONTACTS)}@${DOMAIN}`;
      const list = r.pick(LISTS);
      if (!begun.has(email)) {
        // A membership needs its contact; the same lane keeps the order.
        const { fate } = await patient.send('contacts.upsert', { contact: { email } }, 1);
        if (fate === 'unknown') return 1;
        begun.add(email);
      }
      await apply(email, list, r.pick(OPERATIONS));
      return 1;
    },
  };
}
