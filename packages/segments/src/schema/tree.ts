/**
 * Segment trees: parsing with every fault, each with its path (`tree.branch.leaves[1].leaf.contact.filters[0].operator`).
 *
 * A parsed tree has the shape in which it was sent, so what is stored is what the user wrote.
 */
import { z } from 'zod';
import { type Leaf, leafSchema } from './leaf.ts';

export const MAX_DEPTH = 10;
export const MAX_LEAVES = 200;

export type Node = { kind: 'branch'; branch: { operator: 'and' | 'or' | 'none'; leaves: Node[] } } | { kind: 'leaf'; leaf: Leaf };

export type TreeFault = { path: string; code: string; message: string };

export type ParsedTree = { ok: true; tree: Node } | { ok: false; faults: TreeFault[] };

/** Schemas by timezone: making one takes longer than parsing a tree with it. Names come from users, so they are bounded. */
const schemas = new Map<string, z.ZodType<Node>>();
const MAX_SCHEMAS = 200;

/** The schema of a tree. Depth and size are checked before it runs, see {@link parseTree}: it recurses as deep as its input. */
export function treeSchema(timezone: string): z.ZodType<Node> {
  const known = schemas.get(timezone);
  if (known) return known;
  if (schemas.size >= MAX_SCHEMAS) schemas.clear();
  const made = makeSchema(timezone);
  schemas.set(timezone, made);
  return made;
}

function makeSchema(timezone: string): z.ZodType<Node> {
  const leaf = leafSchema(timezone);
  const node: z.ZodType<Node> = z.lazy(() =>
    z.discriminatedUnion('kind', [
      z.strictObject({
        kind: z.literal('branch'),
        branch: z.strictObject({ operator: z.enum(['and', 'or', 'none']), leaves: z.array(node).min(1).max(MAX_LEAVES) }),
      }),
      z.strictObject({ kind: z.literal('leaf'), leaf }),
    ]),
  );
  return node;
}

/** Checks a tree as it was sent. Ids of lists and segments are checked for their form only. */
export function parseTree(input: unknown, timezone: string): ParsedTree {
  const size = faultOfSize(input);
  if (size) return { ok: false, faults: [size] };
  const parsed = treeSchema(timezone).safeParse(input);
  return parsed.success ? { ok: true, tree: parsed.data } : { ok: false, faults: parsed.error.issues.flatMap(faultsOf) };
}

/** Walks what looks like branches without recursion, because the input may be nested as deep as a body allows. */
function faultOfSize(input: unknown): TreeFault | null {
  const waiting: { value: unknown; depth: number; path: string }[] = [{ value: input, depth: 1, path: 'tree' }];
  let leaves = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, depth, path } = next;
    if (!isObject(value)) continue;
    const children = isObject(value.branch) ? value.branch.leaves : undefined;
    if (!Array.isArray(children)) {
      leaves += 1;
      if (leaves > MAX_LEAVES) return { path: 'tree', code: 'too_many_leaves', message: `A tree has at most ${MAX_LEAVES} leaves.` };
      continue;
    }
    if (depth > MAX_DEPTH) return { path, code: 'too_deep', message: `Branches nest at most ${MAX_DEPTH} deep.` };
    if (children.length > MAX_LEAVES) return { path, code: 'too_many_leaves', message: `A tree has at most ${MAX_LEAVES} leaves.` };
    children.forEach((child: unknown, n) => {
      waiting.push({ value: child, depth: depth + 1, path: `${path}.branch.leaves[${n}]` });
    });
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Codes of a value that is not in a list of names, by the name of its place. */
const UNKNOWN: Readonly<Record<string, string>> = {
  operator: 'unknown_operator',
  count_operator: 'unknown_operator',
  aggregate_operator: 'unknown_operator',
  timeframe_operator: 'unknown_operator',
  filters_operator: 'unknown_operator',
  source: 'unknown_source',
  kind: 'unknown_kind',
  field_type: 'unknown_field_type',
  goal_type: 'unknown_goal_type',
  status: 'unknown_status',
};

function faultsOf(fault: z.core.$ZodIssue): TreeFault[] {
  const path = pathOf(fault.path);
  if (fault.code === 'unrecognized_keys')
    return fault.keys.map((key) => ({
      path: `${path}.${key.slice(0, 100)}`,
      code: 'unknown_field',
      message: 'There is no such field here.',
    }));
  return [{ path, code: codeOf(fault), message: fault.message }];
}

function pathOf(path: readonly PropertyKey[]): string {
  let text = 'tree';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `.${String(step)}`;
  return text;
}

function codeOf(fault: z.core.$ZodIssue): string {
  const last = String(fault.path.at(-1) ?? '');
  switch (fault.code) {
    case 'custom': {
      const code: unknown = fault.params?.code;
      return typeof code === 'string' ? code : 'invalid_value';
    }
    case 'invalid_type':
      return / undefined$/.test(fault.message) ? 'required' : 'invalid_type';
    case 'too_small':
      return fault.origin === 'array' ? 'empty_not_allowed' : 'invalid_value';
    case 'too_big':
      return fault.origin === 'string' ? 'too_long' : fault.origin === 'array' ? 'too_large' : 'invalid_value';
    case 'invalid_value':
    case 'invalid_union':
      return UNKNOWN[last] ?? 'invalid_value';
    default:
      return 'invalid_value';
  }
}

/** Every leaf of a tree, with its path. */
export function* leavesOf(node: Node, path = 'tree'): Generator<{ leaf: Leaf; path: string }> {
  if (node.kind === 'leaf') yield { leaf: node.leaf, path: `${path}.leaf` };
  else for (const [n, child] of node.branch.leaves.entries()) yield* leavesOf(child, `${path}.branch.leaves[${n}]`);
}

/** What a tree may refer to: lists by id, and the other segments with their trees. */
export type Known = { lists: ReadonlySet<string>; segments: ReadonlyMap<string, Node> };

/** Faults of references: unknown lists and segments, and cycles through `segmentId` (the segment that the tree is for, if it has one). */
export function faultsOfReferences(tree: Node, segmentId: string | null, known: Known): TreeFault[] {
  const faults: TreeFault[] = [];
  for (const { leaf, path } of leavesOf(tree)) {
    if (leaf.source === 'contact_lists' && !known.lists.has(leaf.contact_list.list_id))
      faults.push({ path: `${path}.contact_list.list_id`, code: 'list_not_found', message: 'There is no such list.' });
    if (leaf.source !== 'segments') continue;
    const target = leaf.segment.segment_id;
    const at = `${path}.segment.segment_id`;
    if (target === segmentId || (segmentId !== null && reaches(target, segmentId, known.segments)))
      faults.push({ path: at, code: 'segment_cycle', message: 'A segment cannot refer to itself, not even through others.' });
    else if (!known.segments.has(target)) faults.push({ path: at, code: 'segment_not_found', message: 'There is no such segment.' });
  }
  return faults;
}

function reaches(from: string, to: string, segments: ReadonlyMap<string, Node>): boolean {
  const seen = new Set<string>();
  const waiting = [from];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (id === to) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    const tree = segments.get(id);
    if (tree) waiting.push(...segmentsOf(tree));
  }
  return false;
}

/** Ids of the segments that a tree refers to. */
export function segmentsOf(tree: Node): string[] {
  const ids = new Set<string>();
  for (const { leaf } of leavesOf(tree)) if (leaf.source === 'segments') ids.add(leaf.segment.segment_id);
  return [...ids];
}

/** Ids of the lists that a tree refers to. */
export function listsOf(tree: Node): string[] {
  const ids = new Set<string>();
  for (const { leaf } of leavesOf(tree)) if (leaf.source === 'contact_lists') ids.add(leaf.contact_list.list_id);
  return [...ids];
}
