/** References between segments, and from segments to lists: what a tree refers to must exist, and what is referred to stays. */
import { listLists, listSegments, type Queryable, type SegmentRow } from '@muster/postgres';
import { faultsOfReferences, listsOf, type Node, parseTree, segmentsOf } from '@muster/segments';
import { fail } from '../http/errors.ts';

/**
 * @param segmentId the segment that the tree is for, if it has one: no reference may lead back to it
 * @throws ApiError 422 with a fault for each unknown list or segment, and for each cycle
 */
export async function requireReferences(db: Queryable, workspaceId: number, tree: Node, segmentId: string | null): Promise<void> {
  const listIds = listsOf(tree);
  const ids = segmentsOf(tree);
  const lists = listIds.length === 0 ? [] : await listLists(db, workspaceId, listIds);
  const segments = ids.length === 0 ? new Map<string, Node>() : reachable(await listSegments(db, workspaceId), ids);
  const faults = faultsOfReferences(tree, segmentId, { lists: new Set(lists.map((l) => l.id)), segments });
  if (faults.length > 0) throw fail('validation_failed', { details: faults });
}

/** The trees of segments and of all that they lead to. Others are not parsed: a workspace may have a thousand. */
function reachable(rows: readonly SegmentRow[], ids: readonly string[]): Map<string, Node> {
  const byId = new Map(rows.map((row) => [row.segment_id, row]));
  const found = new Map<string, Node>();
  const waiting = [...ids];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const row = byId.get(id);
    if (!row || found.has(id)) continue;
    const tree = treeOf(row);
    found.set(id, tree);
    waiting.push(...segmentsOf(tree));
  }
  return found;
}

/** A tree that this version cannot read refers to nothing; the segmenter says so in the segment's status. */
function treeOf(row: SegmentRow): Node {
  const parsed = parseTree(row.tree, row.timezone);
  return parsed.ok ? parsed.tree : { kind: 'branch', branch: { operator: 'or', leaves: [] } };
}

/** @throws ApiError 409 naming the live segments that refer to the list or segment */
export async function requireUnused(db: Queryable, workspaceId: number, what: { list: string } | { segment: string }): Promise<void> {
  const id = 'list' in what ? what.list : what.segment;
  const refersTo = 'list' in what ? listsOf : segmentsOf;
  // Most trees do not have the text in them at all: only those that do are parsed.
  const users = (await listSegments(db, workspaceId)).filter(
    (row) => JSON.stringify(row.tree).includes(`"${id}"`) && refersTo(treeOf(row)).includes(id),
  );
  if (users.length === 0) return;
  const code = 'list' in what ? 'list_in_use' : 'segment_in_use';
  const details = users.map((row) => ({ field: 'id', code, message: `The segment ${row.segment_id} refers to it.` }));
  throw fail(code, { details });
}
