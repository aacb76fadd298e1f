/**
 * Every queue, and the ids of chunks. A chunk id names its queue (`p3-…` profile lane 3, `e0-…` custom-event lane 0, `t-…`
 * timeline), so that `jobs.get` finds a job that has not been applied yet. BullMQ wants ids without `:` that are not all digits.
 */
export type QueueRef = { kind: 'profile'; lane: number } | { kind: 'custom_event'; lane: number } | { kind: 'timeline' };

export const TIMELINE_QUEUE = 'timeline';
export const MAINTENANCE_QUEUE = 'maintenance';
export const SEGMENTS_QUEUE = 'segments';
export const IMPORTS_QUEUE = 'imports';
/** Redis key prefix; the braces put every queue of the installation into one cluster slot, as one MULTI spans several. */
export const QUEUE_PREFIX = '{muster}';

export const profileQueue = (lane: number): string => `profiles-${lane}`;
export const customEventQueue = (lane: number): string => `custom-events-${lane}`;

export function queueName(ref: QueueRef): string {
  if (ref.kind === 'timeline') return TIMELINE_QUEUE;
  return ref.kind === 'profile' ? profileQueue(ref.lane) : customEventQueue(ref.lane);
}

/** Names of the queues that carry items, of an installation with `lanes` lanes, lanes first. */
export function itemQueues(lanes: number): string[] {
  const numbers = Array.from({ length: lanes }, (_, i) => i);
  return [...numbers.map(profileQueue), ...numbers.map(customEventQueue), TIMELINE_QUEUE];
}

/** Names of all queues: those of items, and those that only ask for work that is noted elsewhere. */
export function allQueues(lanes: number): string[] {
  return [...itemQueues(lanes), MAINTENANCE_QUEUE, SEGMENTS_QUEUE, IMPORTS_QUEUE];
}

/** Lanes are strictly first in, first out: nobody may retry, promote or remove their jobs. */
export function isLane(queue: string): boolean {
  return queue.startsWith('profiles-') || queue.startsWith('custom-events-');
}

export function chunkId(ref: QueueRef, uuid: string): string {
  if (ref.kind === 'timeline') return `t-${uuid}`;
  return `${ref.kind === 'profile' ? 'p' : 'e'}${ref.lane}-${uuid}`;
}

const JOB_ID =
  /^(?:(t)|([pe])(\d{1,2}))-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:-[a-z]\d{1,5})*)(?:\.(\d{1,4})(?:-(\d{1,4}))?)?$/;

/** Places of a chunk, both ends included. */
export type ChunkRange = { first: number; last: number };

/** Parses a job id: a chunk id, with `.position` or `.first-last` for the items of one request in it. Null when it is none. */
export function parseJobId(jobId: string): { chunkId: string; queue: QueueRef; range: ChunkRange | null } | null {
  const match = JOB_ID.exec(jobId);
  if (!match) return null;
  const [, timeline, kind, lane, , first, last] = match;
  const queue: QueueRef = timeline ? { kind: 'timeline' } : { kind: kind === 'p' ? 'profile' : 'custom_event', lane: Number(lane) };
  const range = first === undefined ? null : { first: Number(first), last: Number(last ?? first) };
  return { chunkId: jobId.split('.')[0] ?? jobId, queue, range };
}
