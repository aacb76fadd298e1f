/**
 * The one evaluator of a workspace's segments, and its epochs.
 *
 *   begun ──commit──▶ committed        begun ──the next one begins──▶ void
 *
 * A step begins an epoch before it reads anything, writes its findings to ClickHouse under that number, and commits it here. Only then do
 * readers look at them. An epoch that was begun and not committed is void for ever: a process that was stopped in the middle may wake up
 * later and write its rows, and they change nothing.
 *
 * The evaluator holds a lease and not a session lock: the session of a stopped process lives on, and its lock with it.
 */
import { inTransaction, type Pool, type Queryable } from './pool.ts';

/** The lease, or the epoch, belongs to somebody else by now: whatever the step found is void. */
export class LostLeaseError extends Error {
  override readonly name = 'LostLeaseError';
}

export type Step = {
  epoch: number;
  /** The last epoch that counts for what this step reads. */
  committed: number;
  voidEpochs: number[];
  generation: number;
  /** Milliseconds since the epoch. */
  checkedTo: number | null;
  nextDueAt: number | null;
  touchScore: number;
  /** Postgres' clock, whole milliseconds. */
  now: number;
};

const MS = (column: string) => `floor(extract(epoch FROM ${column}) * 1000)::text`;

/** Takes or renews the lease and begins an epoch. Null while somebody else holds the lease. */
export function beginStep(pool: Pool, workspaceId: number, holder: string, leaseSeconds: number): Promise<Step | null> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Record<string, string | null>>(
      `UPDATE segment_evaluators SET epoch = epoch + 1, holder = $2, leased_until = clock_timestamp() + make_interval(secs => $3)
       WHERE workspace_id = $1 AND (holder = $2 OR leased_until < clock_timestamp())
       RETURNING old.epoch AS before, epoch, committed, generation, touch_score, ${MS('checked_to')} AS checked_to,
         ${MS('next_due_at')} AS next_due_at, ${MS('clock_timestamp()')} AS now`,
      [workspaceId, holder, leaseSeconds],
    );
    const [row] = rows;
    if (!row) return null;
    if (Number(row.before) > Number(row.committed))
      await client.query('INSERT INTO segment_void_epochs (workspace_id, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        workspaceId,
        row.before,
      ]);
    const voids = await client.query<{ epoch: string }>(
      'SELECT epoch FROM segment_void_epochs WHERE workspace_id = $1 AND epoch < $2 ORDER BY epoch',
      [workspaceId, row.epoch],
    );
    return {
      epoch: Number(row.epoch),
      committed: Number(row.committed),
      voidEpochs: voids.rows.map((r) => Number(r.epoch)),
      generation: Number(row.generation),
      checkedTo: numberOrNull(row.checked_to),
      nextDueAt: numberOrNull(row.next_due_at),
      touchScore: Number(row.touch_score),
      now: Number(row.now),
    };
  });
}

/** Moves on whenever somebody creates, changes, deletes or asks for a segment. */
export async function generationOf(db: Queryable, workspaceId: number): Promise<number> {
  const { rows } = await db.query<{ generation: string }>('SELECT generation FROM segment_evaluators WHERE workspace_id = $1', [
    workspaceId,
  ]);
  return Number(rows[0]?.generation ?? 0);
}

const numberOrNull = (text: string | null | undefined): number | null => (text == null ? null : Number(text));

/** Ends a step that wrote nothing to ClickHouse and failed: its epoch need not be remembered as void. */
export async function dropStep(db: Queryable, workspaceId: number, holder: string, epoch: number): Promise<void> {
  await db.query('UPDATE segment_evaluators SET committed = $3 WHERE workspace_id = $1 AND holder = $2 AND epoch = $3', [
    workspaceId,
    holder,
    epoch,
  ]);
}

/** Joins and leaves of a segment in one step. `day` is the local day of the step in the segment's timezone. */
export type SegmentMoves = { segmentUid: number; day: string; joins: number; leaves: number };

/** A complete set takes the place of the members: `size` is its size. */
export type SegmentSwitch = SegmentMoves & { version: number; size: number };

/** An audit: contacts on the wrong side. */
export type SegmentAudit = { segmentUid: number; drift: number };

/** A segment that is to be computed anew. */
export type Rebuild = { segmentUid: number; reason: 'drifted' | 'midnight' };

export type SegmentFailure = { segmentUid: number; version: number; error: string };

export type Commit = {
  workspaceId: number;
  holder: string;
  epoch: number;
  /** Milliseconds. */
  now: number;
  moves: readonly SegmentMoves[];
  switches: readonly SegmentSwitch[];
  failures: readonly SegmentFailure[];
  audits: readonly SegmentAudit[];
  rebuild: readonly Rebuild[];
  checkedTo: number;
  nextDueAt: number | null;
  touchScore: number;
};

/** Makes a step count, all of it at once. @throws LostLeaseError when the epoch is void by now */
export async function commitStep(pool: Pool, commit: Commit): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE segment_evaluators SET committed = $3, checked_to = to_timestamp($4::float8 / 1000),
         next_due_at = to_timestamp($5::float8 / 1000), touch_score = $6
       WHERE workspace_id = $1 AND holder = $2 AND epoch = $3`,
      [commit.workspaceId, commit.holder, commit.epoch, commit.checkedTo, commit.nextDueAt, commit.touchScore],
    );
    if (rowCount !== 1) throw new LostLeaseError('the epoch belongs to another evaluator');
    await moveMembers(client, commit);
    await switchSets(client, commit);
    if (commit.failures.length > 0)
      await client.query(
        `UPDATE segments SET status = 'failed', error = f.error, build_reason = NULL, stale_since = coalesce(stale_since, now())
         FROM unnest($1::int[], $2::int[], $3::text[]) AS f (uid, version, error) WHERE segment_uid = f.uid AND segments.version = f.version`,
        [commit.failures.map((f) => f.segmentUid), commit.failures.map((f) => f.version), commit.failures.map((f) => f.error)],
      );
    if (commit.audits.length > 0)
      await client.query(
        `UPDATE segments SET audit_drift = a.drift, audited_at = now(), build_reason = CASE WHEN build_reason = 'audit' THEN NULL ELSE build_reason END
         FROM unnest($1::int[], $2::int[]) AS a (uid, drift) WHERE segment_uid = a.uid`,
        [commit.audits.map((a) => a.segmentUid), commit.audits.map((a) => a.drift)],
      );
    // Instead of an audit, too: it would call those wrong who only have not been computed yet.
    if (commit.rebuild.length > 0)
      await client.query(
        `UPDATE segments SET build_reason = r.reason FROM unnest($1::int[], $2::text[]) AS r (uid, reason)
         WHERE segment_uid = r.uid AND (build_reason IS NULL OR build_reason = 'audit')`,
        [commit.rebuild.map((r) => r.segmentUid), commit.rebuild.map((r) => r.reason)],
      );
  });
}

async function moveMembers(client: Queryable, { moves, now }: Commit): Promise<void> {
  if (moves.length === 0) return;
  const { rows } = await client.query<{ segment_uid: number; users_count: number }>(
    `UPDATE segments SET users_count = users_count + m.joins - m.leaves, computed_at = to_timestamp($4::float8 / 1000)
     FROM unnest($1::int[], $2::int[], $3::int[]) AS m (uid, joins, leaves) WHERE segment_uid = m.uid RETURNING segment_uid, users_count`,
    [moves.map((m) => m.segmentUid), moves.map((m) => m.joins), moves.map((m) => m.leaves), now],
  );
  const sizes = new Map(rows.map((r) => [r.segment_uid, r.users_count]));
  await addToDays(
    client,
    moves.map((m) => ({ ...m, size: sizes.get(m.segmentUid) ?? 0 })),
  );
}

async function switchSets(client: Queryable, { switches, epoch, now }: Commit): Promise<void> {
  for (const s of switches)
    await client.query(
      `UPDATE segments SET base_epoch = $2, built_version = $3, unlogged = $6, users_count = $4, computed_at = to_timestamp($5::float8 / 1000),
         status = CASE WHEN version = $3 THEN 'active' ELSE status END, error = CASE WHEN version = $3 THEN NULL ELSE error END,
         build_reason = CASE WHEN version = $3 THEN NULL ELSE build_reason END, stale_since = NULL,
         emptied_at = CASE WHEN deleted_at IS NOT NULL AND $4 = 0 AND NOT $6 THEN now() END
       WHERE segment_uid = $1`,
      [s.segmentUid, epoch, s.version, s.size, now, s.joins + s.leaves > 0],
    );
  await addToDays(client, switches);
}

async function addToDays(client: Queryable, days: readonly (SegmentMoves & { size: number })[]): Promise<void> {
  if (days.length === 0) return;
  await client.query(
    `INSERT INTO segment_days (segment_uid, day, joins, leaves, size) SELECT * FROM unnest($1::int[], $2::date[], $3::int[], $4::int[], $5::int[])
     ON CONFLICT (segment_uid, day) DO UPDATE
       SET joins = segment_days.joins + excluded.joins, leaves = segment_days.leaves + excluded.leaves, size = excluded.size`,
    [days.map((d) => d.segmentUid), days.map((d) => d.day), days.map((d) => d.joins), days.map((d) => d.leaves), days.map((d) => d.size)],
  );
}

/** The joins and leaves of these complete sets are all in the log; a deleted segment whose members have left is done with. */
export async function markLogged(db: Queryable, sets: readonly { segmentUid: number; baseEpoch: number }[]): Promise<void> {
  if (sets.length === 0) return;
  await db.query(
    `UPDATE segments SET unlogged = false, emptied_at = CASE WHEN deleted_at IS NOT NULL AND users_count = 0 THEN now() END
     FROM unnest($1::int[], $2::bigint[]) AS s (uid, epoch)
     WHERE segment_uid = s.uid AND base_epoch = s.epoch`,
    [sets.map((s) => s.segmentUid), sets.map((s) => s.baseEpoch)],
  );
}

/** Keeps the lease during long work; false when it is lost. */
export async function renewLease(db: Queryable, workspaceId: number, holder: string, leaseSeconds: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE segment_evaluators SET leased_until = clock_timestamp() + make_interval(secs => $3)
     WHERE workspace_id = $1 AND holder = $2`,
    [workspaceId, holder, leaseSeconds],
  );
  return rowCount === 1;
}

/** Gives the lease back, so that another process can go on at once. */
export async function releaseLease(db: Queryable, workspaceId: number, holder: string): Promise<void> {
  await db.query(`UPDATE segment_evaluators SET leased_until = '-infinity', holder = NULL WHERE workspace_id = $1 AND holder = $2`, [
    workspaceId,
    holder,
  ]);
}

export type Attention = { workspaceId: number; due: boolean };

/** Workspaces that have segments, and whether something waits there: an edge that is due, a build, a deletion, a log to complete. */
export async function workspacesWithSegments(db: Queryable): Promise<Attention[]> {
  const { rows } = await db.query<{ workspace_id: number; due: boolean }>(
    `SELECT workspace_id, coalesce(next_due_at <= clock_timestamp(), false) OR EXISTS (
       SELECT FROM segments s WHERE s.workspace_id = e.workspace_id AND s.emptied_at IS NULL
         AND (s.build_reason IS NOT NULL OR s.deleted_at IS NOT NULL OR s.unlogged)) AS due
     FROM segment_evaluators e
     WHERE EXISTS (SELECT FROM segments s WHERE s.workspace_id = e.workspace_id AND s.emptied_at IS NULL)`,
  );
  return rows.map((r) => ({ workspaceId: r.workspace_id, due: r.due }));
}
