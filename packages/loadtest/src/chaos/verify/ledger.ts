/** The ledger: it counts every accepted item exactly once, and every item has come to one end. */
import type { Balance } from '@muster/postgres';
import type { Tally } from '../producers/sender.ts';
import type { Check } from './check.ts';

export function compareLedger(tally: Tally, { accepted, ...ends }: Balance): Check {
  const ended = Object.values(ends).reduce((sum, n) => sum + n, 0);
  const faults: string[] = [];
  if (ended !== accepted) faults.push(`${accepted} items accepted, ${ended} came to an end`);
  if (accepted < tally.acknowledged) faults.push(`${tally.acknowledged} items were acknowledged, the ledger knows ${accepted}`);
  // Every attempt may have been taken, whether its answer came or not.
  if (accepted > tally.atMost) faults.push(`${tally.atMost} items were sent with all repetitions, the ledger knows ${accepted}`);
  return { name: `ledger between ${tally.acknowledged} acknowledged and ${tally.atMost} sent`, checked: accepted, faults };
}
