/**
 * Puts accepted items on the queues, as chunks.
 *
 * One flush is under way at a time. It takes everything that is waiting: items of one workspace and queue share chunks, whatever
 * requests they came with; all of it enters Redis in one MULTI (all or none, array order kept). There is
 * no timer: the next flush starts when the previous one returned, so a lone request does not wait and a busy process packs more
 * into each flush. With a backlog bigger chunks serve everybody better than earlier ones: then a flush waits up to 50 ms from start
 * to start, as long as requests keep coming in. (Clients that all wait for their answers send nothing meanwhile: waiting for
 * more of them only costs, a factor of four with 64 connections.)
 *
 * A flush whose connection died is repeated with the same chunk ids: stored twice or not, each chunk is applied once.
 */
import { hash, randomUUID } from 'node:crypto';
import { backoffMs, type Redis, redisMicros, sleep } from '@muster/runtime';
import { FlowProducer } from 'bullmq';
import { chunkId, QUEUE_PREFIX, type QueueRef, queueName } from './names.ts';
import { CHUNK_JOB } from './options.ts';
import { type AnyItem, MAX_CHUNK_BYTES, MAX_CHUNK_ITEMS, PAYLOAD_VERSION } from './payloads.ts';

/** An item, the queue it belongs to, and about how many bytes of JSON it has. */
export type RoutedItem = { queue: QueueRef; item: AnyItem; bytes: number };
/** Where an item went: its chunk, and its place in it. The items of one request in one chunk lie side by side. */
export type Placement = { chunkId: string; position: number };

/** Redis could not take the chunks; nothing was acknowledged. `retryable`: the client may send again. */
export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';
  readonly retryable = true;
}

type Bundle = {
  workspaceId: number;
  items: readonly RoutedItem[];
  wait: boolean;
  resolve: (placements: Placement[]) => void;
  reject: (error: Error) => void;
};
type Chunk = { id: string; queue: QueueRef; workspaceId: number; items: AnyItem[]; bytes: number; reply: boolean };

export type ProducerOptions = {
  redis: Redis;
  /** Name under which this process is told of finished chunks. */
  processId: string;
  /** True while more than 20 jobs wait in some lane. */
  backlogged: () => boolean;
};

const FLUSH_ITEMS = 20_000;
const REPEAT_FOR_MS = 2_000;
const BACKLOG_PAUSE_MS = 50;
/** With a backlog: nothing came in for so long, so nothing more is to be expected. */
const LULL_MS = 2;

export class ChunkProducer {
  readonly #redis: Redis;
  readonly #processId: string;
  readonly #backlogged: () => boolean;
  readonly #flow: FlowProducer;
  #waiting: Bundle[] = [];
  #running: Promise<void> | null = null;
  #lastStart = 0;

  constructor(options: ProducerOptions) {
    this.#redis = options.redis;
    this.#processId = options.processId;
    this.#backlogged = options.backlogged;
    this.#flow = new FlowProducer({ connection: options.redis, prefix: QUEUE_PREFIX });
    // The connection logs its own errors; without a listener they would end the process.
    this.#flow.on('error', () => undefined);
  }

  /**
   * Resolves when all items of the request are on Redis' disk, with the place of each, in order.
   * @throws QueueUnavailableError when Redis could not take them; none of them was acknowledged.
   */
  submit(workspaceId: number, items: readonly RoutedItem[], wait: boolean): Promise<Placement[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ workspaceId, items, wait, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Waits for the flushes under way and closes the producer (not its connection). */
  async close(): Promise<void> {
    while (this.#running) await this.#running;
    await this.#flow.close();
  }

  async #run(): Promise<void> {
    // One turn of the event loop: requests that arrived together share the first flush.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      if (this.#backlogged()) await this.#gather();
      this.#lastStart = Date.now();
      await this.#flush(this.#take());
    }
    this.#running = null;
  }

  async #gather(): Promise<void> {
    const end = this.#lastStart + BACKLOG_PAUSE_MS;
    for (let seen = 0; seen < this.#waiting.length && Date.now() < end; ) {
      seen = this.#waiting.length;
      await sleep(LULL_MS);
    }
  }

  #take(): Bundle[] {
    let items = 0;
    let n = 0;
    while (n < this.#waiting.length && (n === 0 || items + (this.#waiting[n]?.items.length ?? 0) <= FLUSH_ITEMS)) {
      items += this.#waiting[n]?.items.length ?? 0;
      n += 1;
    }
    return this.#waiting.splice(0, n);
  }

  async #flush(bundles: Bundle[]): Promise<void> {
    const { chunks, placements } = packChunks(bundles);
    try {
      await this.#store(chunks);
    } catch (error) {
      const failure = new QueueUnavailableError('the queue cannot take items at the moment', { cause: error });
      for (const bundle of bundles) bundle.reject(failure);
      return;
    }
    bundles.forEach((bundle, i) => {
      bundle.resolve(placements[i] ?? []);
    });
  }

  async #store(chunks: readonly Chunk[]): Promise<void> {
    const deadline = Date.now() + REPEAT_FOR_MS;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const acceptedAt = await redisMicros(this.#redis);
        await this.#flow.addBulk(chunks.map((c) => chunkJob(c, acceptedAt, c.reply ? { reply: this.#processId } : {})));
        return;
      } catch (error) {
        if (Date.now() >= deadline) throw error;
        await sleep(backoffMs(attempt, 50, 300));
      }
    }
  }
}

function chunkJob(chunk: { id: string; queue: QueueRef; workspaceId: number; items: AnyItem[] }, acceptedAt: number, more: object) {
  return {
    name: 'chunk',
    queueName: queueName(chunk.queue),
    prefix: QUEUE_PREFIX,
    data: { v: PAYLOAD_VERSION, ws: chunk.workspaceId, acc: acceptedAt, ...more, items: chunk.items },
    opts: { ...CHUNK_JOB, jobId: chunk.id },
  };
}

/**
 * Packs bundles into chunks of at most 1,000 items and 512 KiB; items of one queue stay in their order. Requests of one workspace
 * share chunks: what a chunk costs the workers hardly depends on how many items it has (125 upserts of one request and lane cost
 * them a third more than as an eighth of a full chunk).
 */
export function packChunks(bundles: readonly Pick<Bundle, 'workspaceId' | 'items' | 'wait'>[]): {
  chunks: Chunk[];
  placements: Placement[][];
} {
  const chunks: Chunk[] = [];
  const open = new Map<string, Chunk>();
  const placements = bundles.map((bundle) =>
    bundle.items.map(({ queue, item, bytes }) => {
      const key = `${bundle.workspaceId}|${queueName(queue)}`;
      let chunk = open.get(key);
      if (!chunk || chunk.items.length >= MAX_CHUNK_ITEMS || chunk.bytes + bytes > MAX_CHUNK_BYTES) {
        chunk = { id: chunkId(queue, randomUUID()), queue, workspaceId: bundle.workspaceId, items: [], bytes: 0, reply: false };
        open.set(key, chunk);
        chunks.push(chunk);
      }
      chunk.items.push(item);
      chunk.bytes += bytes;
      chunk.reply ||= bundle.wait;
      return { chunkId: chunk.id, position: chunk.items.length - 1 };
    }),
  );
  return { chunks, placements };
}

/** Job ids of a request's items: `<chunk>.<position>` or `<chunk>.<first>-<last>`, because other requests may share the chunk. */
export function jobIdsOf(placements: readonly Placement[]): string[] {
  const ranges = new Map<string, [number, number]>();
  for (const { chunkId: id, position } of placements) {
    const range = ranges.get(id);
    if (range) range[1] = position;
    else ranges.set(id, [position, position]);
  }
  return [...ranges].map(([id, [first, last]]) => (first === last ? `${id}.${first}` : `${id}.${first}-${last}`));
}

/** A follow-up chunk of a worker: its id is derived from the chunk that causes it, so a repeated cause adds it once. */
export type FollowUp = {
  queue: QueueRef;
  workspaceId: number;
  acceptedAt: number;
  items: AnyItem[];
  unparked?: boolean;
  reply?: string | null;
};

/** Id of the `n`th follow-up of a chunk: a UUID made of the cause's id. */
export function followUpId(cause: string, queue: QueueRef, n: number): string {
  const hex = hash('sha1', `${cause}|${queueName(queue)}|${n}`, 'hex');
  const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return chunkId(queue, uuid);
}

/** Adds follow-up chunks in one MULTI. Returns their ids. */
export async function addFollowUps(flow: FlowProducer, cause: string, followUps: readonly FollowUp[]): Promise<string[]> {
  const chunks = followUps.map((f, n) => ({ ...f, id: followUpId(cause, f.queue, n) }));
  const more = (f: FollowUp) => ({ internal: true, ...(f.unparked ? { unparked: true } : {}), ...(f.reply ? { reply: f.reply } : {}) });
  await flow.addBulk(chunks.map((c) => chunkJob(c, c.acceptedAt, more(c))));
  return chunks.map((c) => c.id);
}

/** A chunk of accepted items whose id is a function of what it is part of: added again, it is applied once. */
export type DerivedChunk = { id: string; queue: QueueRef; workspaceId: number; since: number; items: AnyItem[] };

/** Adds chunks in one MULTI, as accepted now; one that waits already stays as it is. */
export async function addDerivedChunks(flow: FlowProducer, redis: Redis, chunks: readonly DerivedChunk[]): Promise<void> {
  const acceptedAt = await redisMicros(redis);
  await flow.addBulk(chunks.map((c) => chunkJob(c, acceptedAt, { since: c.since })));
}
