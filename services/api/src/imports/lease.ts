/**
 * One writer per file, over all API processes: free ──acquire──▶ held ──release, or 10 s without renewal──▶ free.
 *
 * The lease is a key in Redis that its holder renews, so that it does not outlive a killed process by more than 10 seconds. A holder looks
 * at its own clock before each write: one that was stopped, or lost Redis, for that long writes no more.
 *
 * Whoever wants the file while it is being written to is refused; a holder that has heard nothing for a while (its client is gone and no
 * one has told us) is asked to let go.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { importFile } from '@muster/queues';
import { type Redis, sleep } from '@muster/runtime';
import type { Lock, Locker } from '@tus/server';
import { fail } from '../http/errors.ts';
import { fromRedis } from '../http/failures.ts';

const LEASE_MS = 10_000;
const RENEW_MS = 2_500;
/** A holder that has received nothing for so long is asked to let go. */
const IDLE_MS = 5_000;
/** A client that broke off and comes back at once is here before its old connection has been seen to end. */
const PATIENCE_MS = 1_500;
const POLL_MS = 100;

const RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end";
const RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/** Name of an upload's lease, and of its file. */
export const fileId = (importId: string): string => basename(importFile('', importId));

type LetGo = () => void | Promise<void>;

export class Lease {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #token = randomUUID();
  readonly #letGo: LetGo;
  #timer: NodeJS.Timeout | undefined;
  #validUntil = 0;
  #heardAt = performance.now();

  constructor(redis: Redis, key: string, letGo: LetGo) {
    this.#redis = redis;
    this.#key = key;
    this.#letGo = letGo;
  }

  get idle(): boolean {
    return performance.now() - this.#heardAt > IDLE_MS;
  }

  /** Called before each write. @throws ApiError 423 when somebody else may hold the file by now */
  beforeWrite(): void {
    this.#heardAt = performance.now();
    if (this.#heardAt >= this.#validUntil) throw fail('upload_locked');
  }

  /** Asks the holder to stop writing soon. */
  letGo(): void {
    void this.#letGo();
  }

  /** False when somebody else has it. */
  async take(): Promise<boolean> {
    const asked = performance.now();
    if ((await fromRedis(this.#redis.set(this.#key, this.#token, 'PX', LEASE_MS, 'NX'))) !== 'OK') return false;
    this.#validUntil = asked + LEASE_MS;
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS);
    return true;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    this.#validUntil = 0;
    // Redis away: it runs out by itself.
    await this.#redis.eval(RELEASE, 1, this.#key, this.#token).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const asked = performance.now();
    // Redis away (its connection logs that): the next renewal tries again, and the lease runs out when none gets through.
    const kept = await this.#redis.eval(RENEW, 1, this.#key, this.#token, LEASE_MS).catch(() => null);
    if (kept === 1 && this.#validUntil > 0) this.#validUntil = asked + LEASE_MS;
    else if (kept === 0) this.#validUntil = 0;
  }
}

/** The leases of this process. Also the locker of the tus server. */
export class UploadLeases implements Locker {
  readonly #redis: Redis;
  readonly #held = new Map<string, Lease>();
  readonly #resumable = new Set<string>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** The lease that this process holds on a file. */
  held(id: string): Lease | undefined {
    return this.#held.get(id);
  }

  /** @param letGo stops the holder's writing soon. @throws ApiError 423 when another upload is under way, 503 while Redis is away */
  async acquire(id: string, letGo: LetGo, signal?: AbortSignal): Promise<Lease> {
    const lease = new Lease(this.#redis, `muster:upload:${id}`, letGo);
    const started = performance.now();
    for (let asked = false; ; ) {
      const holder = this.#held.get(id);
      if (!holder && (await lease.take())) {
        this.#held.set(id, lease);
        return lease;
      }
      if (holder?.idle && !asked) {
        holder.letGo();
        asked = true;
      }
      // What another process holds may be a dead one's: that shows only when its lease runs out.
      const patience = holder && !asked ? PATIENCE_MS : LEASE_MS + 1_000;
      if (signal?.aborted || performance.now() - started > patience) throw fail('upload_locked');
      await sleep(POLL_MS);
    }
  }

  async release(id: string): Promise<void> {
    const lease = this.#held.get(id);
    await lease?.release();
    this.#held.delete(id);
  }

  /** Ends the uploads that can be gone on with: this process is about to end. */
  letGoOfResumable(): void {
    for (const id of this.#resumable) this.#held.get(id)?.letGo();
  }

  newLock(id: string): Lock {
    return {
      lock: async (signal, letGo) => {
        await this.acquire(id, letGo, signal);
        this.#resumable.add(id);
      },
      unlock: async () => {
        this.#resumable.delete(id);
        await this.release(id);
      },
    };
  }
}
