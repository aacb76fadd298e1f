/**
 * A build: everybody is evaluated beside the old members, and the result becomes the complete set in one step of the evaluator.
 *
 *   reading ──read──▶ staged ──a step switches──▶ done        reading ──▶ failed (the segment's fault) | broken (it is started again)
 *
 * The reading notes its moment and, from then on, the contacts whose marks the evaluator takes. In the step that switches, these and the
 * contacts who crossed an edge since are evaluated again: whatever changed during the build is in the result.
 */
import { randomUUID } from 'node:crypto';
import { clickhouseTime } from '@muster/clickhouse';
import { errorFields } from '@muster/runtime';
import { compileTrees, leavesOf, memberSetSql, Params, type SetRef } from '@muster/segments';
import { z } from 'zod';
import type { Definition } from './definitions.ts';
import type { Deps } from './deps.ts';
import type { Moment } from './members.ts';
import { insertFrom, reasonOf, rowsOf } from './statements.ts';

export type BuildOutcome = { state: 'staged' } | { state: 'failed'; error: string } | { state: 'broken' };

export type Build = {
  readonly definition: Definition;
  readonly id: string;
  /** Moment of the reading, milliseconds. */
  readonly now: number;
  /** Contacts to look at again; `spoiled` when there are too many, and the build starts over. */
  readonly replay: Set<number>;
  spoiled: boolean;
  outcome: BuildOutcome | null;
  readonly ended: Promise<void>;
  /** Audits look again at what differs before they call it drift, and at whom they saw differ every time so far (null = not looked yet). */
  tries: number;
  suspects: ReadonlySet<number> | null;
  readonly startedAt: number;
};

/** Contacts that a switch looks at again; above that the build starts over. */
export const MAX_REPLAY = 10_000;

/** Whether somebody waits for it, and not only for that everything be right. */
export const isAskedFor = ({ build_reason }: Definition['row']): boolean => build_reason === 'changed' || build_reason === 'requested';

export function startBuild(deps: Deps, definition: Definition, moment: Moment): Build {
  const id = randomUUID();
  let done: () => void = () => undefined;
  const build: Build = {
    ...{ definition, id, now: moment.now, replay: new Set<number>(), spoiled: false, outcome: null, tries: 0, suspects: null },
    startedAt: performance.now(),
    ended: new Promise((resolve) => {
      done = resolve;
    }),
  };
  void read(deps, definition, id, moment)
    .catch((error: unknown): BuildOutcome => {
      const { workspaceId: workspace } = moment;
      deps.log.warn({ workspace, segment: definition.row.segment_uid, ...errorFields(error) }, 'a build broke, it starts over');
      return { state: 'broken' };
    })
    .then((outcome) => {
      build.outcome = outcome;
      done();
    });
  return build;
}

/** @throws what is not the segment's fault */
async function read(deps: Deps, definition: Definition, id: string, moment: Moment): Promise<BuildOutcome> {
  try {
    await stage(deps, definition, id, moment);
    await deps.failpoints('segmenter.staged', definition.row.segment_id);
    return { state: 'staged' };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error;
    return { state: 'failed', error: `${await guiltyLeaf(deps, definition, moment)}: ${reason}` };
  }
}

async function stage(deps: Deps, { tree, row }: Definition, id: string, moment: Moment): Promise<void> {
  const { workspaceId, now, sets } = moment;
  const compiled = compileTrees([{ tree, timezone: row.timezone }], { workspaceId, now, contacts: null, members: sets });
  await insertFrom(deps, isAskedFor(row) ? 'build' : 'rebuild', {
    query: `INSERT INTO segment_staging (workspace_id, build_id, members)
      SELECT ${compiled.params.add('UInt32', workspaceId)}, ${compiled.params.text(id)}, ${compiled.results[0]} FROM ${compiled.from}`,
    params: compiled.params.values,
    seconds: deps.config.MUSTER_SEGMENT_BUILD_SECONDS,
  });
}

/** The path of the first leaf that cannot be evaluated alone; the whole tree when each of them can. */
async function guiltyLeaf(deps: Deps, { tree, row }: Definition, moment: Moment): Promise<string> {
  for (const { leaf, path } of leavesOf(tree)) {
    const compiled = compileTrees([{ tree: { kind: 'leaf', leaf }, timezone: row.timezone }], {
      ...{ workspaceId: moment.workspaceId, now: moment.now, contacts: null, members: moment.sets },
    });
    try {
      await rowsOf(deps, 'build', {
        query: `SELECT bitmapCardinality(${compiled.results[0]}) FROM ${compiled.from}`,
        params: compiled.params.values,
        schema: z.tuple([z.number()]),
        seconds: deps.config.MUSTER_SEGMENT_BUILD_SECONDS,
      });
    } catch (error) {
      if (reasonOf(error) !== null) return path;
      throw error;
    }
  }
  return 'tree';
}

/** What a switch puts together: the staged set (null = an empty one), the stored members, and the contacts that were evaluated again. */
export type SetParts = {
  workspaceId: number;
  buildId: string | null;
  stored: SetRef | null;
  replayed: readonly number[];
  /** Those of the replayed who are in. */
  members: readonly number[];
};

/** Common table expressions: `fresh` and `current` members. */
function freshAndCurrent(parts: SetParts, params: Params): string {
  const ws = params.add('UInt32', parts.workspaceId);
  const nobody = 'bitmapBuild(emptyArrayUInt32())';
  const staged =
    parts.buildId === null
      ? `${nobody} AS staged`
      : `(SELECT groupBitmapMergeState(members) FROM segment_staging WHERE workspace_id = ${ws} AND build_id = ${params.text(parts.buildId)}) AS staged`;
  const current = parts.stored ? memberSetSql(parts.workspaceId, parts.stored, params, 'current') : [`${nobody} AS current`];
  const list = (values: readonly number[]) => `bitmapBuild(${params.add('Array(UInt32)', values)})`;
  return [...[staged, ...current], `bitmapOr(bitmapAndnot(staged, ${list(parts.replayed)}), ${list(parts.members)}) AS fresh`].join(',\n');
}

export type SetAt = { segmentUid: number; epoch: number /** Milliseconds. */; now: number };
export type Switched = { size: number; joined: number; parted: number };

/** Stores the complete set of an epoch and how it differs from the stored members. */
export async function storeSet(deps: Deps, at: SetAt, parts: SetParts): Promise<Switched> {
  const params = new Params();
  const time = `toDateTime64(${params.text(clickhouseTime(new Date(at.now).toISOString()))}, 3, 'UTC')`;
  await insertFrom(deps, 'switch', {
    query: `INSERT INTO segment_sets (workspace_id, segment_uid, epoch, at, members, joined, parted)
      WITH ${freshAndCurrent(parts, params)}
      SELECT ${params.add('UInt32', parts.workspaceId)}, ${params.add('UInt32', at.segmentUid)}, ${params.add('UInt64', at.epoch)}, ${time},
        fresh, bitmapAndnot(fresh, current), bitmapAndnot(current, fresh)`,
    params: params.values,
    seconds: deps.config.MUSTER_SEGMENT_BUILD_SECONDS,
  });
  const [row] = await rowsOf(deps, 'switch', {
    query: `SELECT bitmapCardinality(members), bitmapCardinality(joined), bitmapCardinality(parted) FROM segment_sets
      WHERE workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch = {epoch:UInt64} LIMIT 1`,
    params: { ws: parts.workspaceId, uid: at.segmentUid, epoch: at.epoch },
    schema: z.tuple([z.coerce.number(), z.coerce.number(), z.coerce.number()]),
  }).catch((error: unknown) => {
    // Not the segment's fault, whatever it is: the epoch must not be committed with a set in it that nobody switched to.
    throw new Error('the set that was just stored cannot be read', { cause: error });
  });
  if (!row) throw new Error('the set that was just stored is not there');
  return { size: row[0], joined: row[1], parted: row[2] };
}

/** How a set would differ from the stored members: how many contacts, and the first of them. Nothing is stored. */
export async function compareSet(deps: Deps, parts: SetParts, limit: number): Promise<{ differ: number; contacts: number[] }> {
  const params = new Params();
  const [row] = await rowsOf(deps, 'audit', {
    query: `WITH ${freshAndCurrent(parts, params)}, bitmapXor(fresh, current) AS different
      SELECT bitmapCardinality(different), bitmapToArray(bitmapSubsetLimit(different, toUInt32(0), toUInt64(${params.add('UInt64', limit)})))`,
    params: params.values,
    schema: z.tuple([z.coerce.number(), z.array(z.number())]),
    seconds: deps.config.MUSTER_SEGMENT_BUILD_SECONDS,
  });
  return { differ: row?.[0] ?? 0, contacts: row?.[1] ?? [] };
}

/** Rows of the log since a complete set: with many of them, reading the members is dearer than storing them anew. */
export async function movesSince(deps: Deps, workspaceId: number, stored: SetRef): Promise<number> {
  const [row] = await rowsOf(deps, 'audit', {
    query: `SELECT count() FROM segment_flips WHERE workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch > {base:UInt64}`,
    params: { ws: workspaceId, uid: stored.segmentUid, base: stored.baseEpoch },
    schema: z.tuple([z.coerce.number()]),
  });
  return row?.[0] ?? 0;
}

/** Contacts that a stored set added or removed. */
export async function movedBy(deps: Deps, workspaceId: number, { segmentUid, epoch }: SetAt): Promise<number[]> {
  const [row] = await rowsOf(deps, 'switch', {
    query: `SELECT arrayConcat(bitmapToArray(joined), bitmapToArray(parted)) FROM segment_sets
      WHERE workspace_id = {ws:UInt32} AND segment_uid = {uid:UInt32} AND epoch = {epoch:UInt64} LIMIT 1`,
    params: { ws: workspaceId, uid: segmentUid, epoch },
    schema: z.tuple([z.array(z.number())]),
  });
  return row?.[0] ?? [];
}
