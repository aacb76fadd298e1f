/**
 * One person joins a segment by what she does, and leaves it by the passing of time alone: of her three opened mails one is 30 days old in
 * a few seconds. How long both took is measured as a caller sees it.
 */
import { sleep } from '@muster/runtime';
import type { TimelineEntry } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import type { DayPlan } from '../day/plan.ts';
import type { Checks } from './checks.ts';
import type { Output } from './output.ts';
import { ENGAGED, ENGAGED_DAYS } from './segments.ts';
import { timelineLines } from './show.ts';

/** So long after they are sent, the oldest of the three events leaves the window. Much longer than joining takes. */
const STAYS_MS = 15_000;
const LEAVES_WITHIN_MS = 20_000;
const POLL_MS = 50;
const WAIT_SECONDS = 20;

export async function joinAndLeave(client: MusterClient, output: Output, plan: DayPlan, checks: Checks): Promise<void> {
  const email = `visitor@mail.${plan.tag}`;
  await client.upsertContact({ contact: { email, first_name: 'Vera' } }, { wait: WAIT_SECONDS });
  const edge = Date.now() + STAYS_MS;
  const times = [edge - ENGAGED_DAYS * 86_400_000, edge - STAYS_MS - 2_000, edge - STAYS_MS - 1_000];
  await client.ingest(
    times.map((ms, n) => ({ id: `visitor-${plan.tag}-${n}`, kind: 'open_email', email, occurred_at: new Date(ms).toISOString() })),
  );
  const accepted = Date.now();
  const joined = await untilMember(client, email, true, edge);
  const left = joined === null ? null : await untilMember(client, email, false, edge + LEAVES_WITHIN_MS);
  checks.compare('one person joined a segment', 'yes', joined === null ? 'no' : 'yes');
  checks.compare('and left it as its window passed', 'yes', left === null ? 'no' : 'yes');

  output.line();
  output.line('One person joins and leaves');
  const segment = ENGAGED.name.split(':')[0];
  if (joined === null)
    output.line(`  ${email} opened three mails, and did not join "${segment}" before one of them was ${ENGAGED_DAYS} days old.`);
  else output.line(`  ${email} opened three mails: in "${segment}" ${seconds(joined - accepted)} after they were accepted.`);
  if (left !== null)
    output.line(`  Then one of the three was ${ENGAGED_DAYS} days old: out ${seconds(left - edge)} later, with nothing sent.`);
  else if (joined !== null)
    output.line(`  Then one of the three was ${ENGAGED_DAYS} days old, and ${LEAVES_WITHIN_MS / 1_000} s later it still is a member.`);
  const entries: TimelineEntry[] = [];
  for await (const entry of client.timeline(email)) entries.push(entry);
  for (const line of timelineLines(entries)) output.line(line);
}

/** When the contact was seen to be a member, or to be none, for the first time; null when not by the deadline. */
async function untilMember(client: MusterClient, email: string, wanted: boolean, deadline: number): Promise<number | null> {
  for (;;) {
    const contact = await client.getContact(email);
    const now = Date.now();
    if ((contact?.contact_segments ?? []).some((s) => s.segment_id === ENGAGED.id) === wanted) return now;
    if (now > deadline) return null;
    await sleep(POLL_MS);
  }
}

/** Clocks of two machines may differ: nothing happens before its time. */
const seconds = (ms: number): string => `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
