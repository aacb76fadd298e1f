/**
 * The job ledger: the proof that a chunk was applied, what became of each of its items, and the outbox that still has to reach
 * ClickHouse.
 *
 * A row's life: inserted in the transaction that applies the chunk (outbox set, or events_pending) → delivered (outbox NULL,
 * events_pending false) → folded into ledger_totals after the retention.
 */
import { inTransaction, type Pool, type Queryable } from './pool.ts';
import { decodeVerdicts, encodeVerdicts, type Verdict, type VerdictCounts } from './verdicts.ts';

export type LedgerSource = 'profile' | 'timeline' | 'custom_event';

export type LedgerEntry = {
  chunkId: string;
  workspaceId: number;
  source: LedgerSource;
  acceptedAt: number;
  /** Accepted items that this row accounts for; 0 for follow-up work of items counted elsewhere. */
  items: number;
  counts: VerdictCounts;
  verdicts: readonly Verdict[];
  /** JSON text, or null when there is nothing to deliver. */
  outbox: string | null;
  eventsPending: boolean;
  /** Seconds for which the writer itself will deliver; the relay leaves the row alone so long. */
  leaseSeconds: number;
  replyTo: string | null;
  /** Ids of the chunks that the delivery of this one adds to lanes. */
  followUps: readonly string[];
};

/** True when the chunk has a row: it was applied. The caller holds the lane's lock. */
export async function isApplied(db: Queryable, chunkId: string): Promise<boolean> {
  const { rows } = await db.query('SELECT 1 FROM job_ledger WHERE chunk_id = $1', [chunkId]);
  return rows.length > 0;
}

/** Inserts the row of a chunk; false when it exists, and then the caller must roll back. */
export async function insertLedger(db: Queryable, entry: LedgerEntry): Promise<boolean> {
  const c = entry.counts;
  const { rowCount } = await db.query(
    `INSERT INTO job_ledger (chunk_id, workspace_id, source, accepted_at, items, applied, unchanged, duplicate, rejected, parked, erased,
       cancelled, verdicts, outbox, events_pending, leased_until, reply_to, follow_ups)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, now() + $16 * interval '1 second', $17, $18)
     ON CONFLICT (chunk_id) DO NOTHING`,
    [
      entry.chunkId,
      entry.workspaceId,
      entry.source,
      entry.acceptedAt,
      entry.items,
      c.applied,
      c.unchanged,
      c.duplicate,
      c.rejected,
      c.parked,
      c.erased,
      c.cancelled,
      encodeVerdicts(entry.verdicts),
      entry.outbox,
      entry.eventsPending,
      entry.leaseSeconds,
      entry.replyTo,
      [...entry.followUps],
    ],
  );
  return rowCount === 1;
}

export type LedgerRow = {
  chunkId: string;
  workspaceId: number;
  source: LedgerSource;
  acceptedAt: number;
  verdicts: Verdict[];
  outbox: string | null;
  delivered: boolean;
  followUps: string[];
};
type RawLedger = {
  chunk_id: string;
  workspace_id: number;
  source: LedgerSource;
  accepted_at: string;
  verdicts: string;
  outbox: string | null;
  events_pending: boolean;
  follow_ups: string[];
};

/** Row of a chunk, with verdicts parsed, or null. */
export async function findLedger(db: Queryable, chunkId: string): Promise<LedgerRow | null> {
  const { rows } = await db.query<RawLedger>(
    'SELECT chunk_id, workspace_id, source, accepted_at, verdicts, outbox, events_pending, follow_ups FROM job_ledger WHERE chunk_id = $1',
    [chunkId],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    chunkId: row.chunk_id,
    workspaceId: row.workspace_id,
    source: row.source,
    acceptedAt: Number(row.accepted_at),
    verdicts: decodeVerdicts(row.verdicts),
    outbox: row.outbox,
    delivered: row.outbox === null && !row.events_pending,
    followUps: row.follow_ups,
  };
}

/** Verdicts of those of the chunks that were applied. */
export async function ledgerVerdicts(db: Queryable, chunkIds: readonly string[]): Promise<Map<string, Verdict[]>> {
  if (chunkIds.length === 0) return new Map();
  const { rows } = await db.query<{ chunk_id: string; verdicts: string }>(
    'SELECT chunk_id, verdicts FROM job_ledger WHERE chunk_id = ANY($1::text[])',
    [chunkIds],
  );
  return new Map(rows.map((r) => [r.chunk_id, decodeVerdicts(r.verdicts)]));
}

export type OutboxRow = { chunk_id: string; workspace_id: number; accepted_at: number; outbox: string; reply_to: string | null };

/**
 * Leases undelivered rows, oldest first: at most `limit`, and no more than fit into `maxBytes` of outbox (but one). The statement
 * is short and no transaction stays open: a worker that dies simply lets the lease run out.
 */
export async function leaseOutbox(db: Queryable, limit: number, maxBytes: number, leaseSeconds: number): Promise<OutboxRow[]> {
  const { rows } = await db.query<Omit<OutboxRow, 'accepted_at'> & { accepted_at: string; seq: string }>(
    `WITH free AS MATERIALIZED (
       SELECT chunk_id, seq, octet_length(outbox) AS bytes FROM job_ledger
       WHERE outbox IS NOT NULL AND leased_until < now() ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED),
     chosen AS (SELECT chunk_id FROM (SELECT chunk_id, sum(bytes) OVER (ORDER BY seq) - bytes AS before FROM free) AS s WHERE before < $2)
     UPDATE job_ledger SET leased_until = now() + $3 * interval '1 second' WHERE chunk_id IN (SELECT chunk_id FROM chosen)
     RETURNING chunk_id, workspace_id, accepted_at, outbox, reply_to, seq`,
    [limit, maxBytes, leaseSeconds],
  );
  return rows
    .sort((a, b) => Number(a.seq) - Number(b.seq))
    .map((r) => ({
      chunk_id: r.chunk_id,
      workspace_id: r.workspace_id,
      accepted_at: Number(r.accepted_at),
      outbox: r.outbox,
      reply_to: r.reply_to,
    }));
}

/** Gives leased rows back, after a delivery failed. */
export async function releaseLeases(db: Queryable, chunkIds: readonly string[]): Promise<void> {
  if (chunkIds.length === 0) return;
  await db.query("UPDATE job_ledger SET leased_until = '-infinity' WHERE chunk_id = ANY($1::text[]) AND outbox IS NOT NULL", [chunkIds]);
}

/** Marks outboxes as delivered (and forgets them: they may hold old and new values). */
export async function markDelivered(db: Queryable, chunkIds: readonly string[]): Promise<void> {
  await db.query('UPDATE job_ledger SET outbox = NULL WHERE chunk_id = ANY($1::text[])', [chunkIds]);
}

/** Marks timeline chunks whose events and outbox are both in ClickHouse. */
export async function markEventsStored(db: Queryable, chunkIds: readonly string[]): Promise<void> {
  await db.query('UPDATE job_ledger SET events_pending = false, outbox = NULL WHERE chunk_id = ANY($1::text[])', [chunkIds]);
}

/** Turns stored items into rejected ones, when ClickHouse refused their rows for what they hold. */
export async function rejectStored(pool: Pool, chunkId: string, itemIds: readonly string[]): Promise<void> {
  const refused = new Set(itemIds);
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ verdicts: string }>('SELECT verdicts FROM job_ledger WHERE chunk_id = $1 FOR UPDATE', [chunkId]);
    let changed = 0;
    const verdicts = decodeVerdicts(rows[0]?.verdicts ?? '[]').map((verdict): Verdict => {
      if (verdict.v !== 's' || !refused.has(verdict.i)) return verdict;
      changed += 1;
      return { ...verdict, v: 'r' };
    });
    await client.query('UPDATE job_ledger SET applied = applied - $2, rejected = rejected + $2, verdicts = $3 WHERE chunk_id = $1', [
      chunkId,
      changed,
      encodeVerdicts(verdicts),
    ]);
  });
}

/** Undelivered rows (outbox or events) and the age of the oldest in seconds. */
export async function undelivered(db: Queryable): Promise<{ rows: number; oldestSeconds: number }> {
  const { rows } = await db.query<{ n: string; age: number | null }>(
    `SELECT count(*) AS n, extract(epoch FROM now() - min(applied_at))::float8 AS age FROM job_ledger WHERE outbox IS NOT NULL OR events_pending`,
  );
  return { rows: Number(rows[0]?.n ?? 0), oldestSeconds: rows[0]?.age ?? 0 };
}

export type Balance = VerdictCounts & { accepted: number };

/** The balance of a workspace: accepted items by what became of them, over live and folded ledger rows. */
export async function readBalance(db: Queryable, workspaceId: number): Promise<Balance> {
  const sums =
    'sum(items) AS accepted, sum(applied) AS applied, sum(unchanged) AS unchanged, sum(duplicate) AS duplicate, sum(rejected) AS rejected, sum(parked) AS parked, sum(erased) AS erased, sum(cancelled) AS cancelled';
  const columns = 'items, applied, unchanged, duplicate, rejected, parked, erased, cancelled';
  const { rows } = await db.query<Record<keyof Balance, string | null>>(
    `SELECT ${sums} FROM (SELECT ${columns} FROM job_ledger WHERE workspace_id = $1
       UNION ALL SELECT ${columns} FROM ledger_totals WHERE workspace_id = $1) AS l`,
    [workspaceId],
  );
  const row = rows[0];
  const number = (key: keyof Balance) => Number(row?.[key] ?? 0);
  return {
    accepted: number('accepted'),
    applied: number('applied'),
    unchanged: number('unchanged'),
    duplicate: number('duplicate'),
    rejected: number('rejected'),
    parked: number('parked'),
    erased: number('erased'),
    cancelled: number('cancelled'),
  };
}

/** Folds delivered rows older than `days` into daily totals; at most `limit` rows a call. Returns how many were folded. */
export async function foldLedger(db: Queryable, days: number, limit: number): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    `WITH gone AS (
       DELETE FROM job_ledger WHERE chunk_id IN (
         SELECT chunk_id FROM job_ledger WHERE applied_at < now() - $1 * interval '1 day' AND outbox IS NULL AND NOT events_pending LIMIT $2)
       RETURNING *),
     folded AS (
       INSERT INTO ledger_totals AS t (workspace_id, source, day, items, applied, unchanged, duplicate, rejected, parked, erased, cancelled)
       SELECT workspace_id, source, applied_at::date, sum(items), sum(applied), sum(unchanged), sum(duplicate), sum(rejected), sum(parked),
         sum(erased), sum(cancelled) FROM gone GROUP BY 1, 2, 3
       ON CONFLICT (workspace_id, source, day) DO UPDATE SET items = t.items + EXCLUDED.items, applied = t.applied + EXCLUDED.applied,
         unchanged = t.unchanged + EXCLUDED.unchanged, duplicate = t.duplicate + EXCLUDED.duplicate, rejected = t.rejected + EXCLUDED.rejected,
         parked = t.parked + EXCLUDED.parked, erased = t.erased + EXCLUDED.erased, cancelled = t.cancelled + EXCLUDED.cancelled)
     SELECT count(*) AS n FROM gone`,
    [days, limit],
  );
  return Number(rows[0]?.n ?? 0);
}
