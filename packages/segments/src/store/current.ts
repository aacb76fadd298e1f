/**
 * Where the segments of a workspace stand: which complete set each shows, and which epochs count. Read in one statement, because a set
 * that takes the place of another, and the epoch with which it does, become visible together.
 */
import type { EpochState, Queryable } from '@muster/postgres';
import { z } from 'zod';

/** A live segment, as far as its members are concerned. */
export type CurrentSegment = {
  segmentUid: number;
  segmentId: string;
  /** Epoch of the complete set that is shown; null = there has never been one. */
  baseEpoch: number | null;
  /** The log does not hold all joins and leaves of that set yet: ask the set itself. */
  unlogged: boolean;
};

export type Current = {
  /** Postgres' clock, milliseconds. */
  now: number;
  epochs: EpochState;
  /** By id. */
  segments: CurrentSegment[];
};

const rowSchema = z.object({
  now: z.coerce.number(),
  committed: z.coerce.number(),
  voids: z.array(z.number()),
  segments: z.array(z.object({ segmentUid: z.number(), segmentId: z.string(), baseEpoch: z.number().nullable(), unlogged: z.boolean() })),
});

/** All live segments of a workspace, or those of the given ids that exist. */
export async function currentSegments(db: Queryable, workspaceId: number, ids?: readonly string[]): Promise<Current> {
  const { rows } = await db.query<Record<string, unknown>>(
    `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::text AS now,
       coalesce((SELECT committed FROM segment_evaluators WHERE workspace_id = $1), 0)::text AS committed,
       (SELECT coalesce(json_agg(epoch ORDER BY epoch), '[]') FROM segment_void_epochs WHERE workspace_id = $1) AS voids,
       (SELECT coalesce(json_agg(json_build_object('segmentUid', segment_uid, 'segmentId', segment_id, 'baseEpoch', base_epoch,
            'unlogged', unlogged) ORDER BY segment_id), '[]')
        FROM segments WHERE workspace_id = $1 AND deleted_at IS NULL AND ($2::text[] IS NULL OR segment_id = ANY($2))) AS segments`,
    [workspaceId, ids ?? null],
  );
  const { now, committed, voids, segments } = rowSchema.parse(rows[0]);
  return { now, epochs: { committed, voidEpochs: voids }, segments };
}
