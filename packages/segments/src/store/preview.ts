/** Evaluating a tree over everybody without storing anything: the same statement as a build, under limits. */
import { type ClickHouse, tooHeavy } from '@muster/clickhouse';
import { z } from 'zod';
import type { SetRef } from '../compile/sets.ts';
import { compileTrees, FIRST, SETTINGS } from '../compile/tree.ts';
import type { Node } from '../schema/tree.ts';
import { readRows } from './statements.ts';

/** The tree asks for more than the limits allow; repeating it would, too. */
export class TooHeavyError extends Error {
  override readonly name = 'TooHeavyError';
}

export type Preview = {
  workspaceId: number;
  tree: Node;
  timezone: string;
  /** The moment of the evaluation, milliseconds. */
  now: number;
  /** The stored members of a segment that the tree refers to. */
  members: (segmentId: string) => SetRef;
  /** Most ids in the answer. */
  limit: number;
};

export type PreviewLimits = { seconds: number; memoryBytes: number };

/** The server's own limit does not count what it takes to plan a statement, so the caller stops waiting a little later. */
const PATIENCE_MS = 2_000;

/** How many contacts match, and the first of them by id. @throws TooHeavyError beyond the limits */
export async function previewTree(
  clickhouse: ClickHouse,
  preview: Preview,
  limits: PreviewLimits,
): Promise<{ total: number; contactIds: number[] }> {
  const { workspaceId, now, members, limit } = preview;
  const patience = AbortSignal.timeout(limits.seconds * 1_000 + PATIENCE_MS);
  const compiled = compileTrees([preview], { workspaceId, now, contacts: null, members });
  try {
    const [row] = await readRows(clickhouse, {
      query: `SELECT bitmapCardinality(matching), bitmapToArray(bitmapSubsetLimit(matching, toUInt32(0), ${compiled.params.add('UInt64', limit)}))
        FROM (SELECT ${compiled.results[0]} AS matching FROM ${compiled.from})`,
      params: compiled.params.values,
      row: z.tuple([z.coerce.number(), z.array(z.number())]),
      settings: {
        ...SETTINGS,
        ...FIRST,
        max_execution_time: limits.seconds,
        max_memory_usage: String(limits.memoryBytes),
        timeout_overflow_mode: 'throw',
      },
      abort: patience,
    });
    return { total: row?.[0] ?? 0, contactIds: row?.[1] ?? [] };
  } catch (error) {
    if (patience.aborted || tooHeavy(error) !== null) throw new TooHeavyError('the tree takes too much time or memory', { cause: error });
    throw error;
  }
}
