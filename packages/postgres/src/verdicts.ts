/**
 * What became of the items of a chunk, and how the ledger keeps it: every accepted item has a verdict for 30 days, so its size is
 * what a chunk's row costs. Kept column by column, with the request's id once for a run of items: 12 bytes an item instead of 75.
 */
import { z } from 'zod';

export const VERDICTS = {
  c: 'created',
  u: 'updated',
  n: 'unchanged',
  s: 'stored',
  d: 'duplicate',
  r: 'rejected',
  k: 'parked',
  e: 'erased',
  x: 'cancelled',
} as const;
export type VerdictCode = keyof typeof VERDICTS;

/** One item's verdict. */
export type Verdict = {
  v: VerdictCode;
  /** Contact id. */
  id?: number | undefined;
  /** The item's identity, `root:index`. */
  i: string;
  /** Membership outcomes by list id. */
  m?: Record<string, string> | undefined;
};

export type VerdictCounts = {
  applied: number;
  unchanged: number;
  duplicate: number;
  rejected: number;
  parked: number;
  erased: number;
  cancelled: number;
};

const COUNTER: Record<VerdictCode, keyof VerdictCounts> = {
  c: 'applied',
  u: 'applied',
  s: 'applied',
  n: 'unchanged',
  d: 'duplicate',
  r: 'rejected',
  k: 'parked',
  e: 'erased',
  x: 'cancelled',
};

/** Sums verdicts into the terms of the balance. */
export function countVerdicts(verdicts: readonly Verdict[]): VerdictCounts {
  const counts: VerdictCounts = { applied: 0, unchanged: 0, duplicate: 0, rejected: 0, parked: 0, erased: 0, cancelled: 0 };
  for (const verdict of verdicts) counts[COUNTER[verdict.v]] += 1;
  return counts;
}

const code = z.enum(['c', 'u', 'n', 's', 'd', 'r', 'k', 'e', 'x']);
const outcomes = z.record(z.string(), z.string());
/** The first form, one object per item: rows written by earlier versions. */
const rowsSchema = z.array(z.object({ v: code, id: z.number().int().optional(), i: z.string(), m: outcomes.optional() }));
const columnsSchema = z.object({
  /** Codes, one letter per item. */
  v: z.string(),
  /** Runs of items of one request: [root, how many]. */
  roots: z.array(z.tuple([z.string(), z.number().int()])),
  /** Index of each item in its request; -1 where the root alone is the identity. */
  n: z.array(z.number().int()),
  /** Contact id of each item, 0 = none. */
  id: z.array(z.number().int()),
  /** Membership outcomes by position. */
  m: z.record(z.string(), outcomes).optional(),
});
const stored = z.union([columnsSchema, rowsSchema]);

/** The text that {@link decodeVerdicts} reads back. */
export function encodeVerdicts(verdicts: readonly Verdict[]): string {
  let codes = '';
  const roots: [string, number][] = [];
  const indices: number[] = [];
  const ids: number[] = [];
  let memberships: Record<string, Record<string, string>> | undefined;
  let run: [string, number] | undefined;
  for (const [position, verdict] of verdicts.entries()) {
    const [root, index] = splitIdentity(verdict.i);
    if (run?.[0] === root) run[1] += 1;
    else {
      run = [root, 1];
      roots.push(run);
    }
    codes += verdict.v;
    indices.push(index);
    ids.push(verdict.id ?? 0);
    if (verdict.m) {
      memberships ??= {};
      memberships[position] = verdict.m;
    }
  }
  return JSON.stringify({ v: codes, roots, n: indices, id: ids, ...(memberships ? { m: memberships } : {}) });
}

/** @throws ZodError or SyntaxError when the text is not what {@link encodeVerdicts} or an earlier version wrote. */
export function decodeVerdicts(text: string): Verdict[] {
  const parsed = stored.parse(JSON.parse(text));
  if (Array.isArray(parsed)) return parsed;
  const verdicts: Verdict[] = [];
  for (const [root, count] of parsed.roots) {
    for (let k = 0; k < count; k += 1) {
      const position = verdicts.length;
      const index = parsed.n[position] ?? -1;
      const verdict: Verdict = { v: code.parse(parsed.v[position]), i: index < 0 ? root : `${root}:${index}` };
      const id = parsed.id[position] ?? 0;
      if (id !== 0) verdict.id = id;
      const m = parsed.m?.[position];
      if (m) verdict.m = m;
      verdicts.push(verdict);
    }
  }
  return verdicts;
}

/** `root:index` in its two parts; an identity that would not read back the same stays whole. */
function splitIdentity(identity: string): [root: string, index: number] {
  const colon = identity.lastIndexOf(':');
  const index = Number(identity.slice(colon + 1));
  return colon > 0 && Number.isSafeInteger(index) && index >= 0 && identity.endsWith(`:${index}`)
    ? [identity.slice(0, colon), index]
    : [identity, -1];
}
