/**
 * What became of every item, asked job by job: the day is generated once more beside the job ids of its requests, so nothing of it
 * had to be kept.
 */
import type { MusterClient } from '../client/client.ts';
import { bump, type EndCounts } from '../day/expectation.ts';
import type { Call, Wave } from '../day/outgoing.ts';
import { eachOf } from './pool.ts';
import type { Received } from './send.ts';

const WIDTH = 6;

/** Items by kind and by how `jobs.get` says they ended; a parked item that was delivered later still shows as parked there. */
export async function recount(client: MusterClient, waves: readonly Wave[], received: Received): Promise<Map<string, Map<string, number>>> {
  const kinds = new Map<string, Map<string, number>>();
  for (const wave of waves) {
    const jobs = received.jobs.get(wave.name) ?? [];
    await eachOf(wave.calls(), WIDTH, async (call, index) => countCall(client, call, jobs[index] ?? [], kinds));
  }
  return kinds;
}

async function countCall(
  client: MusterClient,
  call: Call,
  jobIds: readonly string[],
  kinds: Map<string, Map<string, number>>,
): Promise<void> {
  for (const id of jobIds) {
    const { operations = [], status } = await client.getJob(id);
    if (operations.length === 0) throw new Error(`job ${id} of an applied request is ${status} and names no items`);
    for (const { index, action } of operations) {
      const kind = call.items[index]?.kind ?? 'unknown';
      const counts = kinds.get(kind) ?? new Map<string, number>();
      kinds.set(kind, counts);
      bump(counts, groupOf(action));
    }
  }
}

/** Ends that the generator cannot tell apart from outside count as one. */
function groupOf(action: string): string {
  return action === 'created' || action === 'updated' || action === 'stored' || action === 'parked' ? 'stored or parked' : action;
}

/** The same groups of what was sent; items sent twice by the transport may be stored by one copy and be the duplicate of the other. */
export function expectedGroups(counts: EndCounts): Map<string, number> {
  const groups = new Map<string, number>([
    ['stored or parked', counts.applied + counts.parked],
    ['unchanged', counts.unchanged],
    ['duplicate', counts.duplicate],
    ['rejected', counts.rejected],
  ]);
  for (const [name, n] of groups) if (n === 0) groups.delete(name);
  return groups;
}
