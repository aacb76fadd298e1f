/** Each figure that Muster reports beside the one that the generator knows. */
import type { Balance, Rejection } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { type Expectation, expectedMembers } from '../day/expectation.ts';
import { LIST_IDS, type Wave } from '../day/outgoing.ts';
import type { DayPlan } from '../day/plan.ts';
import type { Checks } from './checks.ts';
import { expectedGroups, recount } from './recount.ts';
import type { Received } from './send.ts';
import { ENDS, readUntil } from './settle.ts';

export function compareAnswers(checks: Checks, expectation: Expectation, received: Received): void {
  checks.compare('answers: accepted', expectation.accepted, received.accepted);
  checks.compare('answers: refused', expectation.refused, received.refused);
  checks.compareCounts('answers: refused as ', expectation.refusedByCode, received.refusedByCode);
  checks.compareCounts('answers: warned of ', expectation.warningsByCode, received.warningsByCode);
}

/**
 * A request whose answer was lost was sent again, and may have been queued both times: the second copy is accepted as well, and ends
 * as duplicate. At most `resent` items can be such copies.
 */
export function compareBalance(checks: Checks, expectation: Expectation, received: Received, found: Balance, resent: number): void {
  const copies = Math.min(resent, Math.max(0, found.accepted - received.accepted));
  const wanted: Record<string, number> = { ...expectation.ends, duplicate: expectation.ends.duplicate + copies };
  checks.compare('balance: accepted', expectation.accepted + copies, found.accepted);
  for (const end of ENDS) checks.compare(`balance: ${end}`, wanted[end] ?? 0, found[end]);
  checks.compare(
    'balance: sum of the ends',
    found.accepted,
    ENDS.reduce((sum, end) => sum + found[end], 0),
  );
}

/** Contacts of this run and members by status, as the mirror counts them. */
export async function compareContacts(client: MusterClient, plan: DayPlan, expectation: Expectation, checks: Checks): Promise<void> {
  const email = `.${plan.tag}`;
  const counted = (wanted: number, filter: { list_id?: string; list_status?: string }): Promise<number> =>
    readUntil(
      () => client.countContacts({ email, ...filter }),
      (n) => n === wanted,
    );
  checks.compare('contacts: all of this run', expectation.contacts(), await counted(expectation.contacts(), {}));
  const members = expectedMembers(plan);
  for (const list of LIST_IDS) {
    for (const status of ['active', 'pending', 'unsubscribed', 'bounced', 'complained'] as const) {
      const wanted = members[list].get(status) ?? 0;
      checks.compare(`contacts: ${list} ${status}`, wanted, await counted(wanted, { list_id: list, list_status: status }));
    }
  }
}

export async function compareKinds(
  client: MusterClient,
  waves: readonly Wave[],
  expectation: Expectation,
  received: Received,
  checks: Checks,
  resent: number,
): Promise<void> {
  const found = await recount(client, waves, received);
  for (const kind of [...new Set([...expectation.kinds.keys(), ...found.keys()])].sort()) {
    const sent = expectation.kinds.get(kind);
    const wanted = sent ? expectedGroups(sent) : new Map<string, number>();
    const groups = found.get(kind) ?? new Map<string, number>();
    const prefix = `items: ${kind}, `;
    if (resent === 0) checks.compareCounts(prefix, wanted, groups);
    else checks.compare(`${prefix}all`, sum(wanted), sum(groups));
  }
}

export function compareRejections(checks: Checks, expectation: Expectation, rejections: readonly Rejection[]): void {
  checks.compare('rejections.list: rejected when applied', expectation.ends.rejected, rejections.length);
}

const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((total, n) => total + n, 0);
