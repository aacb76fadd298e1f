/** Prints what a run brought about. */
import type { Rejection, TimelineEntry } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { bump, type Expectation } from '../day/expectation.ts';
import { emailOf, hasExternalId } from '../day/person.ts';
import type { DayPlan } from '../day/plan.ts';
import { groupNamed, groupOf } from '../day/status.ts';
import type { Checks } from './checks.ts';
import { number, type Output } from './output.ts';
import type { Received } from './send.ts';
import { countLines, profileLines, refusalLines, rejectionLines, timelineLines } from './show.ts';

const ENTRIES = 10;

export function showCounts(output: Output, checks: Checks): void {
  output.line();
  output.line('Contacts and members');
  for (const line of checks.table(['', 'expected', 'counted'], 'contacts: ')) output.line(line);
  output.line();
  output.line('Items by kind and end (stored or parked = also what was parked first and delivered later)');
  for (const line of checks.table(['', 'expected', 'counted'], 'items: ')) output.line(line);
}

/** A sampled person with a rich but readable history. */
export async function showContact(client: MusterClient, output: Output, plan: DayPlan, expectation: Expectation): Promise<void> {
  let shown = 0;
  let best = -1;
  for (const [person, { kinds, custom }] of expectation.sample) {
    const member = groupNamed(groupOf(plan.seed, person)).lists.length;
    const bought = [...custom.values()].some((event) => event.live && event.goalValue !== null) ? 2 : 0;
    const score = Math.min(kinds.size, 4) + 2 * member + bought + (hasExternalId(plan.seed, person) ? 1 : 0);
    if (score > best) [shown, best] = [person, score];
  }
  const email = emailOf(plan, shown);
  const contact = await client.getContact(email);
  if (contact === null) return;
  output.line();
  output.line('One profile');
  for (const line of profileLines(contact)) output.line(line);
  const entries: TimelineEntry[] = [];
  for await (const entry of client.timeline(email, { limit: ENTRIES })) {
    entries.push(entry);
    if (entries.length === ENTRIES) break;
  }
  output.line(`  The latest ${entries.length} entries of its timeline`);
  for (const line of timelineLines(entries)) output.line(line);
}

export function showRefused(output: Output, received: Received, rejections: readonly Rejection[]): void {
  output.line();
  output.line(`Refused in the answers: ${number(received.refused)} items`);
  for (const line of countLines(received.refusedByCode)) output.line(line);
  output.line('  For example');
  for (const line of refusalLines(received.examples)) output.line(line);
  const codes = new Map<string, number>();
  for (const { code } of rejections) bump(codes, code);
  output.line();
  output.line(`Rejected when they were applied (rejections.list): ${number(rejections.length)} items`);
  for (const line of countLines(codes)) output.line(line);
  output.line('  For example');
  for (const line of rejectionLines(rejections.slice(0, 3))) output.line(line);
}
