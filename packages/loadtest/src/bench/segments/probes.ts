/**
 * Probes: contacts without a past, for whom one event changes one membership. How long readers wait for it is measured on them.
 *
 *   fresh ──event acknowledged──▶ waiting ──readers see the join──▶ in ──readers see the leave (short windows only)──▶ out
 *
 * Readers see what the last committed epoch says: nothing is read from ClickHouse unless there is a new one.
 */
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import { type Bed, mustBe, untilIdle } from '../bed.ts';
import { epochs } from './definitions.ts';
import type { Kind } from './writers.ts';

const POLL_MS = 50;

export type Probe = {
  readonly email: string;
  readonly contactId: number;
};

export type Sent = Probe & {
  readonly segmentUid: number;
  /** Of the event, milliseconds since the epoch. */
  readonly occurredAt: number;
  /** Both on this process' clock (`performance.now`). */
  readonly acknowledgedAt: number;
  joinedAt: number | null;
  /** Milliseconds since the epoch. */
  leftAt: number | null;
};

/** Makes contacts through the API and waits until they are everywhere. */
export async function makeProbes(bed: Bed, tag: string, size: number): Promise<Probe[]> {
  const emails = Array.from({ length: size }, (_, n) => `probe-${tag}-${n}@bench.example`);
  await bed.client.importContacts({ contacts: emails.map((email) => ({ email })) }, { idempotencyKey: null });
  await untilIdle(bed);
  const { rows } = await bed.pool.query<{ contact_id: number; email: string }>(
    'SELECT contact_id, email FROM contacts WHERE workspace_id = $1 AND email = ANY($2)',
    [bed.workspaceId, emails],
  );
  mustBe('contacts made as probes', size, rows.length);
  return rows.map(({ contact_id, email }) => ({ contactId: contact_id, email }));
}

/** Sends the event of a probe; `null` while it is on its way is no answer: it resolves with the acknowledgement. */
export async function sendProbe(bed: Bed, probe: Probe, kind: Kind, segmentUid: number): Promise<Sent> {
  const occurredAt = Date.now();
  const event = { email: probe.email, kind, occurred_at: new Date(occurredAt).toISOString() };
  await bed.client.ingest([event], { idempotencyKey: null });
  return { ...probe, segmentUid, occurredAt, acknowledgedAt: performance.now(), joinedAt: null, leftAt: null };
}

const flips = z.array(z.tuple([z.number(), z.number(), z.number()]));

/** Looks at the probes until it is stopped. */
export class Watch {
  readonly #bed: Bed;
  readonly #sent: Sent[] = [];
  readonly #leaving = new Set<Sent>();
  readonly #running: Promise<void>;
  #committed = -1;
  #stopped = false;

  constructor(bed: Bed) {
    this.#bed = bed;
    this.#running = this.#run();
    // The failure is seen by whoever waits for the probes.
    this.#running.catch(() => undefined);
  }

  /** @param leaves it is watched until it has left again */
  add(probe: Sent, leaves: boolean): void {
    this.#sent.push(probe);
    if (leaves) this.#leaving.add(probe);
    // What was committed already may concern it.
    this.#committed = -1;
  }

  /** Probes that readers still have to see. */
  get waiting(): readonly Sent[] {
    return this.#sent.filter((p) => p.joinedAt === null || (this.#leaving.has(p) && p.leftAt === null));
  }

  /** Resolves when none is waited for, or after `ms`. @throws what ended the looking */
  async untilSeen(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (this.waiting.length > 0 && Date.now() < deadline) await Promise.race([this.#bed.pause(POLL_MS), this.#failure()]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Never resolves while it looks. */
  #failure(): Promise<never> {
    return this.#running.then(() => new Promise<never>(() => undefined));
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#look();
      await this.#bed.pause(POLL_MS);
    }
  }

  async #look(): Promise<void> {
    const waiting = this.waiting;
    if (waiting.length === 0) return;
    const { committed, voidEpochs } = await epochs(this.#bed);
    if (committed === this.#committed) return;
    this.#committed = committed;
    const result = await this.#bed.clickhouse.query({
      query: `SELECT contact_id, segment_uid, argMax(state, epoch) FROM segment_flips_by_contact
        WHERE workspace_id = {ws:UInt32} AND contact_id IN {contacts:Array(UInt32)} AND segment_uid IN {uids:Array(UInt32)}
          AND epoch <= {committed:UInt64} AND epoch NOT IN {voids:Array(UInt64)} GROUP BY contact_id, segment_uid`,
      query_params: {
        ...{ ws: this.#bed.workspaceId, committed, voids: voidEpochs },
        contacts: waiting.map((p) => p.contactId),
        uids: [...new Set(waiting.map((p) => p.segmentUid))],
      },
      format: 'JSONCompactEachRow',
    });
    const states = new Map(flips.parse(await result.json()).map(([contact, uid, state]) => [`${contact}.${uid}`, state]));
    for (const probe of waiting) {
      const state = states.get(`${probe.contactId}.${probe.segmentUid}`);
      if (state === 1) probe.joinedAt ??= performance.now();
      if (state === 0 && this.#leaving.has(probe)) probe.leftAt = Date.now();
    }
  }
}
