/** What the queues keep in Redis beside jobs: claims on producers' ids, the route map, the touched contacts; and the producer itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from '@muster/domain';
import { type LocalStores, startStores } from '@muster/embedded';
import {
  addFollowUps,
  ChunkProducer,
  claimIds,
  claimWindowSeconds,
  GENERATION_SECONDS,
  KEEP_SECONDS,
  markTouched,
  profileQueue,
  purgeDroppedClaims,
  QUEUE_PREFIX,
  QueueUnavailableError,
  type RoutedItem,
  readTouched,
  releaseClaims,
  removeTouched,
  routeExternalIds,
  type Touched,
  touch,
  touchedPrefix,
  watchDependencies,
  workspacesToLookAt,
} from '@muster/queues';
import { createLogger, producerConnection, type Redis } from '@muster/runtime';
import { FlowProducer, Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

let stores: LocalStores;
let redis: Redis;
const dir = mkdtempSync(join(tmpdir(), 'muster-redis-'));
beforeAll(async () => {
  stores = await startStores({ dataDir: dir });
  redis = producerConnection(stores.redisUrl, createLogger('test', 'silent'));
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}, 120_000);
afterAll(async () => {
  redis?.disconnect();
  await stores?.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  await redis.flushall();
});

const T0 = 1_800_000_000;
const claim = (ids: string[], owner: string, o: { allowance?: number; at?: number; ws?: number } = {}) =>
  claimIds(
    redis,
    o.ws ?? 1,
    ids.map((id) => ({ id, owner })),
    o.allowance ?? 50_000_000,
    (o.at ?? T0) * 1_000_000,
  );
const numbered = (from: number, n: number) => Array.from({ length: n }, (_, i) => `id-${from + i}`);
const all = (answers: boolean[], expected: boolean) => answers.every((a) => a === expected);

describe('claims: "The same id in the same workspace counts once"', () => {
  test('the first owner has it, keeps it when it asks again, and everybody else is a duplicate; other workspaces are apart', async () => {
    expect(await claim(['a', 'b', 'a'], 'o1')).toEqual([true, true, true]);
    expect(await claim(['a', 'c', 'b'], 'o2')).toEqual([false, true, false]);
    expect(await claim(['a', 'b', 'c'], 'o1')).toEqual([true, true, false]);
    expect(await claim(['a'], 'o2', { ws: 2 })).toEqual([true]);
    expect(
      await claimIds(
        redis,
        1,
        [
          { id: 'x', owner: 'p' },
          { id: 'x', owner: 'q' },
        ],
        1_000,
        T0 * 1e6,
      ),
    ).toEqual([true, false]);
  });

  test('two at once: each id has one owner', async () => {
    const ids = numbered(0, 2_000);
    const answers = await Promise.all(['o1', 'o2', 'o3'].map((o) => claim(ids, o)));
    ids.forEach((_, i) => {
      expect(answers.filter((a) => a[i])).toHaveLength(1);
    });
  });

  test('released by its owner it is free; by another it is not', async () => {
    await claim(['a'], 'o1');
    await releaseClaims(redis, 1, [{ id: 'a', owner: 'o2' }]);
    expect(await claim(['a'], 'o2')).toEqual([false]);
    await releaseClaims(redis, 1, [{ id: 'a', owner: 'o1' }]);
    expect(await claim(['a'], 'o2')).toEqual([true]);
  });

  test('"within 24 h of acceptance always": remembered over generations, forgotten after they were kept long enough, memory given back', async () => {
    await claim(['old'], 'o1');
    for (let hour = 1; hour <= 60; hour += 1) {
      const at = T0 + hour * 3_600;
      expect(await claim([`tick-${at}`, 'old'], 'o2', { at })).toEqual([true, false]);
    }
    const later = T0 + 2 * GENERATION_SECONDS + KEEP_SECONDS;
    await claim(['turn'], 'o1', { at: later });
    expect(await claim(['old'], 'o2', { at: later })).toEqual([true]);
    expect(await claimWindowSeconds(redis, 1, later * 1e6)).toBeGreaterThanOrEqual(24 * 3_600);
    const before = await redis.dbsize();
    expect(await purgeDroppedClaims(redis, 1)).toBeGreaterThan(0);
    expect(await redis.dbsize()).toBeLessThan(before);
    expect(await purgeDroppedClaims(redis, 1)).toBe(0);
    expect(await claim(['turn'], 'o2', { at: later })).toEqual([false]);
  });

  test('"for the newest MUSTER_DEDUPE_IDS ids": at least three quarters of the allowance are kept, the oldest go first', async () => {
    const allowance = 1_000;
    // All within one second, as a busy producer would: the order of the generations must not depend on their time.
    for (let from = 0; from < 5_000; from += 50) expect(all(await claim(numbered(from, 50), 'o1', { allowance }), true)).toBe(true);
    const newest = numbered(5_000 - 750, 750);
    expect(all(await claim(newest, 'o2', { allowance }), false)).toBe(true);
    expect(all(await claim(numbered(0, 50), 'o1', { allowance }), true)).toBe(true);
    expect(Number(await redis.zcard('claims:{1}:gens'))).toBeLessThanOrEqual(6);
  });

  test('"19 bytes an id": at most 25 for 200,000 ids and more', async () => {
    const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    // The buckets themselves are paid once.
    for (let from = 0; from < 200_000; from += 1_000) await claim(numbered(from, 1_000), 'o1');
    const before = await used();
    for (let from = 200_000; from < 400_000; from += 1_000) await claim(numbered(from, 1_000), 'o1');
    expect(((await used()) - before) / 200_000).toBeLessThan(25);
  }, 60_000);
});

describe('routes', () => {
  test('"a known external_id goes to the lane of the email it came with": the first lane stays, per workspace', async () => {
    expect(
      await routeExternalIds(redis, 1, [
        { externalId: 'u1', lane: 3 },
        { externalId: 'u2', lane: 0 },
        { externalId: 'u1', lane: 5 },
      ]),
    ).toEqual([3, 0, 3]);
    expect(
      await routeExternalIds(redis, 1, [
        { externalId: 'u1', lane: 7 },
        { externalId: 'u3', lane: 7 },
      ]),
    ).toEqual([3, 7]);
    expect(await routeExternalIds(redis, 2, [{ externalId: 'u1', lane: 7 }])).toEqual([7]);
    const racing = await Promise.all([0, 1, 2, 3].map((lane) => routeExternalIds(redis, 1, [{ externalId: 'race', lane }])));
    expect(new Set(racing.flat()).size).toBe(1);
  });
});

describe('touched', () => {
  const marks = (dependency: string, ...ids: number[]): Touched => new Map([[dependency, new Set(ids)]]);

  test('watched dependencies only; one score a call that grows, and a contact touched again has the higher one', async () => {
    const key = touchedPrefix(1);
    await watchDependencies(redis, 1, 1, ['field:country', 'kind:open_email']);
    const touched: Touched = new Map();
    for (const id of [1, 2, 2]) touch(touched, 'field:country', id);
    touch(touched, 'field:phone', 3);
    touch(touched, 'kind:open_email', 4);
    expect(await markTouched(redis, 1, touched)).toBe(3);
    expect(await redis.zcard(`${key}field:phone`)).toBe(0);
    const first = await readTouched(redis, 1, 100);
    expect(first.marks.map((m) => [m.dependency, m.contacts.map((c) => c.id)])).toEqual([
      ['field:country', [1, 2]],
      ['kind:open_email', [4]],
    ]);
    expect(await markTouched(redis, 1, marks('field:country', 2))).toBe(1);
    const second = await readTouched(redis, 1, 100);
    expect(second.score).toBeGreaterThan(first.score);
    expect(second.marks.find((m) => m.dependency === 'field:country')?.contacts.map((c) => c.id)).toEqual([1, 2]);
    // The score is when it was: a reader tells from it how long a mark waited.
    expect(Math.abs(second.score / 1_000 - Date.now())).toBeLessThan(5_000);
    expect(await markTouched(redis, 2, marks('field:country', 1))).toBe(0);
  });

  test('what was taken goes, what was marked again meanwhile stays; the oldest come first', async () => {
    await watchDependencies(redis, 1, 1, ['a']);
    for (const id of [5, 3, 9]) await markTouched(redis, 1, marks('a', id));
    const { marks: taken } = await readTouched(redis, 1, 2);
    expect(taken.map((m) => [m.contacts.map((c) => c.id), m.left])).toEqual([[[5, 3], 1]]);
    await markTouched(redis, 1, marks('a', 5));
    await removeTouched(redis, 1, taken);
    expect((await readTouched(redis, 1, 10)).marks[0]?.contacts.map((c) => c.id)).toEqual([9, 5]);
    await removeTouched(redis, 1, (await readTouched(redis, 1, 10)).marks);
    expect((await readTouched(redis, 1, 10)).marks).toEqual([]);
    // Of the second one nothing is watched: as after a loss of everything.
    expect(await workspacesToLookAt(redis, [1, 2])).toEqual([2]);
  });

  test('too many contacts of one dependency become a whole, which takes no memory and is removed only when it is not marked again', async () => {
    await watchDependencies(redis, 1, 1, ['a', 'b']);
    await markTouched(redis, 1, new Map([['a', new Set(Array.from({ length: 100_001 }, (_, i) => i + 1))]]));
    await markTouched(redis, 1, new Map([['b', 'all' as const]]));
    expect(await redis.exists(`${touchedPrefix(1)}a`, `${touchedPrefix(1)}b`)).toBe(0);
    const { marks: taken } = await readTouched(redis, 1, 10);
    expect(taken.map((m) => [m.dependency, m.whole !== null, m.contacts])).toEqual([
      ['a', true, []],
      ['b', true, []],
    ]);
    await markTouched(redis, 1, marks('a', 7));
    expect(await redis.exists(`${touchedPrefix(1)}a`)).toBe(0);
    await removeTouched(redis, 1, taken);
    expect((await readTouched(redis, 1, 10)).marks.map((m) => m.dependency)).toEqual(['a']);
    expect(await workspacesToLookAt(redis, [1])).toEqual([1]);
  });

  test('what is no longer watched is dropped with its marks; what still is keeps them', async () => {
    await watchDependencies(redis, 1, 1, ['a', 'b']);
    await markTouched(redis, 1, marks('a', 1));
    await markTouched(redis, 1, marks('b', 2));
    await watchDependencies(redis, 1, 1, ['b', 'c']);
    expect((await readTouched(redis, 1, 10)).marks.map((m) => m.dependency)).toEqual(['b']);
    expect(await markTouched(redis, 1, marks('a', 1))).toBe(0);
    expect(await markTouched(redis, 1, marks('c', 1))).toBe(1);
  });

  test('who watches hears that Redis lost its data; who comes late, in an older epoch, changes nothing', async () => {
    expect(await watchDependencies(redis, 1, 5, ['a'])).toBe(false);
    expect(await watchDependencies(redis, 1, 6, ['a'])).toBe(true);
    expect(await watchDependencies(redis, 1, 4, [])).toBe(true);
    expect(await markTouched(redis, 1, marks('a', 1))).toBe(1);
    await redis.flushall();
    expect(await watchDependencies(redis, 1, 7, ['a'])).toBe(false);
  });
});

describe('the producer', () => {
  const item = (index: number, lane: number): RoutedItem => ({
    queue: { kind: 'profile', lane },
    item: { op: 'membership', root: 'r', index, contact_id: index, decision: { type: 'remove' } },
    bytes: 100,
  });
  const waiting = (lane: number) => redis.lrange(`${QUEUE_PREFIX}:${profileQueue(lane)}:wait`, 0, -1);

  test('"array order kept": jobs wait in each lane in the order of the request, with one time of acceptance', async () => {
    const producer = new ChunkProducer({ redis, processId: 'p', backlogged: () => false });
    const places = await producer.submit(
      1,
      Array.from({ length: 5_000 }, (_, i) => item(i, i % 2)),
      true,
    );
    expect(places).toHaveLength(5_000);
    for (const lane of [0, 1]) {
      // BullMQ adds at the left and takes from the right.
      const ids = (await waiting(lane)).reverse();
      expect(ids).toEqual([...new Set(places.filter((_, i) => i % 2 === lane).map((x) => x.chunkId))]);
      const jobs = await Promise.all(ids.map((id) => redis.hget(`${QUEUE_PREFIX}:${profileQueue(lane)}:${id}`, 'data')));
      const data = jobs.map((text) => JSON.parse(text ?? '{}') as { acc: number; reply: string; items: { index: number }[] });
      expect(data.flatMap((d) => d.items.map((i) => i.index))).toEqual(Array.from({ length: 2_500 }, (_, i) => i * 2 + lane));
      expect(new Set(data.map((d) => d.acc)).size).toBe(1);
      expect(data[0]?.reply).toBe('p');
    }
    await producer.close();
  });

  test('follow-ups of one cause are added once, however often it is repeated', async () => {
    const flow = new FlowProducer({ connection: redis, prefix: QUEUE_PREFIX });
    const followUp = { queue: { kind: 'profile', lane: 4 } as const, workspaceId: 1, acceptedAt: 5, items: [item(0, 4).item] };
    const ids = await addFollowUps(flow, 'cause', [followUp, followUp]);
    expect(await addFollowUps(flow, 'cause', [followUp, followUp])).toEqual(ids);
    expect((await waiting(4)).sort()).toEqual([...ids].sort());
    const queue = new Queue(profileQueue(4), { connection: redis, prefix: QUEUE_PREFIX });
    expect((await queue.getJob(ids[0] ?? ''))?.data).toMatchObject({ internal: true, acc: 5 });
    await queue.close();
    await flow.close();
  });

  test('"Redis unreachable ⇒ 503": the request is refused as unavailable within seconds, nothing is acknowledged', async () => {
    const gone = producerConnection('redis://127.0.0.1:1', createLogger('test', 'silent'));
    const producer = new ChunkProducer({ redis: gone, processId: uuidv7(), backlogged: () => false });
    await expect(producer.submit(1, [item(0, 0)], false)).rejects.toBeInstanceOf(QueueUnavailableError);
    gone.disconnect();
  });
});
