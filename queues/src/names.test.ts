import { describe, expect, test } from 'vitest';
import { allQueues, chunkId, isLane, parseJobId, type QueueRef, queueName } from './names.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNK_ITEMS } from './payloads.ts';
import { followUpId, jobIdsOf, packChunks, type RoutedItem } from './producer.ts';

const UUID = '0190a0a0-1111-7222-8333-444455556666';
const REFS: QueueRef[] = [
  { kind: 'profile', lane: 0 },
  { kind: 'profile', lane: 63 },
  { kind: 'custom_event', lane: 7 },
  { kind: 'timeline' },
];

describe('job ids', () => {
  test.each(REFS)('a chunk id of %o names its queue and is read back, with and without a position', (ref) => {
    const id = chunkId(ref, UUID);
    expect(parseJobId(id)).toEqual({ chunkId: id, queue: ref, range: null });
    expect(parseJobId(`${id}.999`)).toEqual({ chunkId: id, queue: ref, range: { first: 999, last: 999 } });
    expect(parseJobId(`${id}.3-17`)).toEqual({ chunkId: id, queue: ref, range: { first: 3, last: 17 } });
    // What BullMQ wants of an id: no colon, not all digits.
    expect(id).not.toMatch(/:|^\d+$/);
  });

  test.each([
    '',
    't',
    't-',
    UUID,
    `x-${UUID}`,
    `p-${UUID}`,
    `p100-${UUID}`,
    `t0-${UUID}`,
    `t-${UUID}.`,
    `t-${UUID}.x`,
    `t-${UUID}.1.2`,
    `t-${UUID}\n`,
    `T-${UUID}`,
  ])('%j is none', (id) => {
    expect(parseJobId(id)).toBeNull();
  });

  test('every queue has a name of its own; lanes and nothing else are lanes', () => {
    const names = allQueues(8);
    expect(new Set(names).size).toBe(20);
    expect(names.filter(isLane)).toEqual(names.slice(0, 16));
    expect(REFS.map(queueName).every((n) => allQueues(64).includes(n))).toBe(true);
  });

  test('the id of a follow-up is a function of its cause, its queue and its place', () => {
    const of = (cause: string, lane: number, n: number) => followUpId(cause, { kind: 'profile', lane }, n);
    expect(of('t-1', 3, 0)).toBe(of('t-1', 3, 0));
    expect(new Set([of('t-1', 3, 0), of('t-2', 3, 0), of('t-1', 4, 0), of('t-1', 3, 1)]).size).toBe(4);
    expect(parseJobId(of('t-1', 3, 0))?.queue).toEqual({ kind: 'profile', lane: 3 });
  });
});

describe('packChunks: "chunks of at most 1,000 items and 512 KiB; items of one queue stay in their order"', () => {
  const item = (root: string, index: number, lane = 0, bytes = 100): RoutedItem => ({
    queue: { kind: 'profile', lane },
    item: { op: 'membership', root, index, decision: { type: 'remove' } },
    bytes,
  });
  const bundle = (items: RoutedItem[], workspaceId = 1, wait = false) => ({ items, workspaceId, wait });
  const batch = (root: string, n: number, lane = 0, bytes = 100) => Array.from({ length: n }, (_, i) => item(root, i, lane, bytes));
  const rootsOf = (chunk: { items: { root: string; index: number }[] }) => chunk.items.map((i) => `${i.root}${i.index}`);

  test('a batch of 2,500 makes three chunks in order; every placement names the item that it was given for', () => {
    const { chunks, placements } = packChunks([bundle(batch('a', 2_500))]);
    expect(chunks.map((c) => c.items.length)).toEqual([MAX_CHUNK_ITEMS, MAX_CHUNK_ITEMS, 500]);
    expect(chunks.flatMap(rootsOf)).toEqual(Array.from({ length: 2_500 }, (_, i) => `a${i}`));
    placements[0]?.forEach((place, i) => {
      expect(chunks.find((c) => c.id === place.chunkId)?.items[place.position]).toMatchObject({ index: i });
    });
  });

  test('bytes close a chunk before its items do; an item that is too big alone still goes', () => {
    const half = MAX_CHUNK_BYTES / 2;
    expect(packChunks([bundle(batch('a', 4, 0, half))]).chunks.map((c) => c.items.length)).toEqual([2, 2]);
    expect(packChunks([bundle(batch('a', 3, 0, half + 1))]).chunks.map((c) => c.items.length)).toEqual([1, 1, 1]);
    expect(packChunks([bundle([item('a', 0), item('a', 1, 0, MAX_CHUNK_BYTES * 2), item('a', 2)])]).chunks).toHaveLength(3);
  });

  test('requests of one workspace and queue share a chunk; other lanes and other workspaces do not', () => {
    const bundles = [
      bundle([item('a', 0)]),
      bundle([item('b', 0)]),
      bundle([item('c', 0, 1)]),
      bundle([item('d', 0)], 2),
      bundle(batch('e', 2)),
      bundle([item('f', 0)], 1, true),
    ];
    const { chunks, placements } = packChunks(bundles);
    const shown = chunks.map((c) => [c.workspaceId, queueName(c.queue), rootsOf(c).join(), c.reply]);
    expect(shown).toContainEqual([1, 'profiles-1', 'c0', false]);
    expect(shown).toContainEqual([2, 'profiles-0', 'd0', false]);
    // "two writes … end as if applied in that order": whatever shares a lane, a before b before e before f.
    const lane = chunks.filter((c) => c.workspaceId === 1 && queueName(c.queue) === 'profiles-0').flatMap(rootsOf);
    expect(lane).toEqual(['a0', 'b0', 'e0', 'e1', 'f0']);
    expect(new Set([0, 1, 4, 5].map((n) => placements[n]?.[0]?.chunkId)).size).toBe(1);
    const id = placements[0]?.[0]?.chunkId;
    expect(placements.map(jobIdsOf).filter((_, n) => n !== 2 && n !== 3)).toEqual([[`${id}.0`], [`${id}.1`], [`${id}.2-3`], [`${id}.4`]]);
    expect(chunks.find((c) => rootsOf(c).includes('f0'))?.reply).toBe(true);
  });
});
