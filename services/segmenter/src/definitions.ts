/** The segments of a workspace as an evaluator works with them: parsed, with what each depends on. */
import type { EpochState, SegmentRow } from '@muster/postgres';
import { type Dependencies, dependenciesOf, type Node, parseTree, type SetRef, segmentsOf, setOfSegment } from '@muster/segments';

export type Definition = {
  row: SegmentRow;
  tree: Node;
  dependencies: Dependencies;
  /** Segments that the tree refers to, by id. */
  refersTo: readonly string[];
};

export type Definitions = {
  /** Live segments whose tree can be read. */
  live: readonly Definition[];
  /** Deleted ones that still have members. */
  deleted: readonly SegmentRow[];
  byId: ReadonlyMap<string, Definition>;
  /** Trees that this version cannot read. */
  unreadable: readonly SegmentRow[];
};

/** Parses rows. Parsed trees are kept by uid and version in `cache`: a step must not parse a thousand trees again. */
export function readDefinitions(rows: readonly SegmentRow[], cache: Map<string, Omit<Definition, 'row'>>): Definitions {
  const live: Definition[] = [];
  const deleted: SegmentRow[] = [];
  const unreadable: SegmentRow[] = [];
  const wanted = new Set<string>();
  for (const row of rows) {
    if (row.deleted_at !== null) {
      deleted.push(row);
      continue;
    }
    const key = `${row.segment_uid}.${row.version}`;
    const parsed = cache.get(key) ?? parse(row);
    if (parsed === null) {
      unreadable.push(row);
      continue;
    }
    wanted.add(key);
    cache.set(key, parsed);
    live.push({ row, ...parsed });
  }
  for (const key of cache.keys()) if (!wanted.has(key)) cache.delete(key);
  return { live, deleted, unreadable, byId: new Map(live.map((d) => [d.row.segment_id, d])) };
}

function parse(row: SegmentRow): Omit<Definition, 'row'> | null {
  const parsed = parseTree(row.tree, row.timezone);
  if (!parsed.ok) return null;
  return { tree: parsed.tree, dependencies: dependenciesOf(parsed.tree), refersTo: segmentsOf(parsed.tree) };
}

/** Members move with every change only while the shown version is the defined one and nothing is wrong with it. */
export const isMoving = ({ row }: Definition): boolean =>
  row.base_epoch !== null && row.built_version === row.version && row.status !== 'failed';

/** Stored members of a segment, or null when there has never been a complete set. */
export function setOf(row: SegmentRow, epochs: EpochState): SetRef | null {
  return setOfSegment({ segmentUid: row.segment_uid, baseEpoch: row.base_epoch }, epochs);
}

/** Resolver of references for the compiler. */
export function memberSets(definitions: Definitions, epochs: EpochState): (segmentId: string) => SetRef {
  return (segmentId) => {
    const definition = definitions.byId.get(segmentId);
    const set = definition && setOf(definition.row, epochs);
    if (!set) throw new Error('a tree refers to a segment without members; it should have waited');
    return set;
  };
}

/** True when every segment that the tree refers to has a complete set. */
export function canEvaluate(definition: Definition, definitions: Definitions): boolean {
  return definition.refersTo.every((id) => definitions.byId.get(id)?.row.base_epoch != null);
}
