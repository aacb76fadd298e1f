/**
 * The balance of each workspace: accepted items by what became of them (from the ledger), and the items that still wait in Redis.
 * Between a chunk's commit and its completion its items show in both for a moment.
 */
import { type Balance, readBalance } from '@muster/postgres';
import { chunkHeaderSchema, itemQueues, QUEUE_PREFIX } from '@muster/queues';
import type { Redis } from '@muster/runtime';
import { type JobType, Queue } from 'bullmq';
import type { CommandLine } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { formatTable } from '../output.ts';
import { chosenWorkspaces } from './workspace.ts';

const ENDS = ['applied', 'unchanged', 'duplicate', 'rejected', 'parked', 'erased', 'cancelled'] as const satisfies (keyof Balance)[];
const STATES: JobType[] = ['active', 'wait', 'prioritized', 'delayed', 'failed'];
const PAGE = 100;

export async function balance(deps: Deps, line: CommandLine): Promise<void> {
  const workspaces = await chosenWorkspaces(deps, line);
  const waiting = await waitingItems(await deps.redis(), deps.config.MUSTER_LANES);
  const rows: (string | number)[][] = [];
  for (const workspace of workspaces) {
    const b = await readBalance(deps.postgres(), workspace.workspaceId);
    const ended = ENDS.reduce((sum, end) => sum + b[end], 0);
    const state = ended === b.accepted ? 'balanced' : `off by ${b.accepted - ended}`;
    rows.push([workspace.name, b.accepted, ...ENDS.map((end) => b[end]), waiting.get(workspace.workspaceId) ?? 0, state]);
  }
  for (const text of formatTable(['workspace', 'settled', ...ENDS, 'waiting', 'state'], rows)) deps.output.line(text);
}

/** Items in chunks that are still in Redis, by workspace. Follow-up work is left out: its items were counted where they were accepted. */
async function waitingItems(redis: Redis, lanes: number): Promise<Map<number, number>> {
  const items = new Map<number, number>();
  for (const name of itemQueues(lanes)) {
    const queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX, skipMetasUpdate: true });
    try {
      await countChunks(queue, items);
    } finally {
      await queue.close();
    }
  }
  return items;
}

async function countChunks(queue: Queue, items: Map<number, number>): Promise<void> {
  // Jobs move while they are counted: each is counted once, wherever it is met.
  const seen = new Set<string>();
  for (const state of STATES) {
    for (let start = 0; ; start += PAGE) {
      const jobs = await queue.getJobs(state, start, start + PAGE - 1, true);
      for (const job of jobs) {
        const chunk = chunkHeaderSchema.safeParse(job?.data);
        if (!chunk.success || chunk.data.internal || job.id === undefined || seen.has(job.id)) continue;
        seen.add(job.id);
        items.set(chunk.data.ws, (items.get(chunk.data.ws) ?? 0) + chunk.data.items.length);
      }
      if (jobs.length === 0) break;
    }
  }
}
