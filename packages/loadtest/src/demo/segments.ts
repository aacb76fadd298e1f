/** Segments over the day: six of them, their members beside what their trees say at that moment. */
import { sleep } from '@muster/runtime';
import type { SegmentAnswer } from '../client/answers.ts';
import type { MusterClient } from '../client/client.ts';
import { allOf, events, fields, goals, lastDays, noneOf, onList, type Tree } from '../client/trees.ts';
import { LINKS } from '../day/words.ts';
import type { Checks } from './checks.ts';
import type { Output } from './output.ts';
import { readUntil } from './settle.ts';

export type DemoSegment = { id: string; name: string; tree: Tree };

const LINK = LINKS[0];
export const ENGAGED_DAYS = 30;
export const ENGAGED: DemoSegment = {
  id: 'demo_engaged',
  name: 'Engaged: opened 3 or more in 30 days',
  tree: events('open_email', 'at_least', 3, lastDays(ENGAGED_DAYS)),
};
const SEGMENTS: readonly DemoSegment[] = [
  { id: 'demo_vip', name: 'VIP: goals worth 1,000 or more', tree: goals('*', 'sum', 'gte', 1_000) },
  { id: 'demo_repeat_buyers', name: 'Repeat buyers: 3 orders or more', tree: goals('purchase', 'count', 'gte', 3) },
  {
    id: 'demo_at_risk',
    name: 'At risk: bought, but not in 90 days',
    tree: allOf(goals('purchase', 'count', 'gte', 1), goals('purchase', 'count', 'eq', 0, lastDays(90))),
  },
  ENGAGED,
  {
    id: 'demo_clicked',
    name: 'Clicked the link of the spring sale',
    tree: events('click_email', 'at_least', 1, {
      filters: [{ field_name: 'link_url', field_type: 'string', operator: 'equals', string_values: [LINK] }],
    }),
  },
  {
    id: 'demo_country',
    name: 'In Germany, not on the newsletter',
    tree: allOf(
      fields({ field_name: 'country', field_type: 'string', operator: 'equals', string_values: ['DE'] }),
      noneOf(onList('in', 'newsletter')),
    ),
  },
];

/** Nothing more became complete for so long: nobody computes segments. */
const STALLED_MS = 30_000;
const POLL_MS = 200;

/** Makes or rebuilds the segments and compares them. False when no segmenter runs: then there is nothing to compare. */
export async function compareSegments(client: MusterClient, output: Output, checks: Checks): Promise<boolean> {
  output.line();
  for (const segment of SEGMENTS) {
    const { status } = await client.putSegment(segment);
    // One of an earlier run: only a new build shows that somebody computes.
    if (status !== 'building') await client.rebuildSegment(segment.id);
  }
  const built = await untilBuilt(() => Promise.all(SEGMENTS.map(({ id }) => mustGet(client, id))), STALLED_MS);
  if (!built) {
    output.line(
      `Segments: six were made, and still are "building" after ${STALLED_MS / 1_000} s: no segmenter seems to run beside this API.`,
    );
    output.line('  `make start` and docker-compose.yml start one. What the demonstration shows of segments was left out.');
    return false;
  }
  for (const [n, segment] of SEGMENTS.entries()) await compareOne(client, segment, built[n], checks);
  output.line('Segments (contacts that match now, evaluated for the answer, and the members that are kept)');
  for (const line of checks.table(['', 'match now', 'members'], 'segments: ')) output.line(line);
  return true;
}

async function compareOne(client: MusterClient, { id, name, tree }: DemoSegment, built: SegmentAnswer | undefined, checks: Checks) {
  if (built?.status === 'failed') return checks.compare(`segments: ${name}`, 'active', `failed: ${built.error}`);
  // The day has just been sent: the last changes may still be on their way to the members.
  const found = await readUntil(
    async () => ({ matching: await client.previewSegment(tree), members: (await mustGet(client, id)).users_count }),
    ({ matching, members }) => matching === members,
  );
  checks.compare(`segments: ${name}`, found.matching, found.members);
}

async function mustGet(client: MusterClient, id: string): Promise<SegmentAnswer> {
  const segment = await client.getSegment(id);
  if (segment === null) throw new Error(`the segment ${id} was made and is not there`);
  return segment;
}

/** The segments once none is being built; null when for `stalledMs` none of them has become complete. */
export async function untilBuilt<T extends { status: string }>(
  read: () => Promise<readonly T[]>,
  stalledMs: number,
): Promise<readonly T[] | null> {
  let fewest = Number.POSITIVE_INFINITY;
  let changedAt = Date.now();
  for (;;) {
    const segments = await read();
    const building = segments.filter(({ status }) => status === 'building').length;
    if (building === 0) return segments;
    if (building < fewest) [fewest, changedAt] = [building, Date.now()];
    if (Date.now() - changedAt > stalledMs) return null;
    await sleep(Math.min(POLL_MS, stalledMs / 10));
  }
}
