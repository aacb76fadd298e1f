/**
 * Compiles segment trees to ClickHouse: passes that each read one table and yield bitmaps of contact ids, and one bitmap expression per
 * tree. AND, OR and NONE are bitmap operations; a complement is taken from everybody.
 *
 * The same code serves previews and builds (all contacts, tables in kind-first order) and incremental evaluation (some contacts, tables
 * in contact-first order). Values are bound; columns come from the schema's allow-lists. The statement needs {@link SETTINGS}.
 */
import type { Clock } from '../plan/time-range.ts';
import { CUSTOM_KIND_PREFIX, type Leaf, type TimelineLeaf } from '../schema/leaf.ts';
import type { Node } from '../schema/tree.ts';
import { type FilterContext, filterCondition } from './filter.ts';
import { customKindCount, goalLeaf } from './goal.ts';
import { Params } from './params.ts';
import { everybodySql, groupPassSql, type Matched, Pass, type Rows, rowPassSql } from './pass.ts';
import { memberSetParts, type SetRef } from './sets.ts';
import { activityCount, anyActivity, asksForAny, countMatches, liesTogether, matchesEverybody, readsFirstCopies } from './timeline.ts';

/** What a compiled statement relies on. */
export const SETTINGS = {
  // A whole JSON document with an integer above 2^64 is refused by simdjson.
  allow_simdjson: 0,
  optimize_aggregation_in_order: 1,
  // A condition on what copies say differently holds for the copy that stays: it comes after FINAL, never before.
  optimize_move_to_prewhere_if_final: 0,
  // A million contacts looked up in the index one by one take longer than the whole table.
  use_index_for_in_with_subqueries: 0,
  // Counts for every contact at once go to the disk before they are too much for the memory.
  max_bytes_ratio_before_external_group_by: 0.5,
  // Statements are many and all differ: compiling each to machine code takes longer than running it.
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  // Two hundred leaves with a thousand values each are a long text.
  max_query_size: '10000000',
  max_ast_elements: '1000000',
  max_expanded_ast_elements: '5000000',
  // Numbers in statements and JSON mean what JavaScript's do.
  precise_float_parsing: 1,
} as const;

/**
 * Somebody waits for a build or a preview; evaluating contacts as they change makes way for it. The pause is short, because it is made again and
 * again: with the default of a second, previews that follow each other held up an evaluation of half a second for more than a minute.
 */
export const FIRST = { priority: '1' } as const;
export const SECOND = { priority: '2', low_priority_query_wait_time_ms: '10' } as const;

export type TreeInput = { tree: Node; timezone: string };

export type CompileContext = {
  workspaceId: number;
  /** One moment for every tree, milliseconds since the epoch. */
  now: number;
  /** Only these contacts; null = everybody. */
  contacts: readonly number[] | null;
  /** The stored members of a segment that a tree refers to. @throws for a segment without a complete set */
  members: (segmentId: string) => SetRef;
};

/**
 * `SELECT ${results[0]} FROM ${from}` is one row. Passes are joined and not written as scalar subqueries: each of those is copied to every
 * place that names it, so the plan of two hundred leaves would have forty thousand.
 */
export type Compiled = {
  from: string;
  /** One bitmap of contact ids per tree. */
  results: string[];
  /** The bitmap of all contacts that were looked at. */
  everybody: string;
  params: Params;
};

export function compileTrees(trees: readonly TreeInput[], context: CompileContext): Compiled {
  const compiler = new Compiler(context);
  const results = trees.map(({ tree, timezone }) => compiler.tree(tree, timezone));
  return { from: compiler.from(), results, everybody: compiler.everybody, params: compiler.params };
}

class Compiler {
  readonly params = new Params();
  readonly everybody: string;
  readonly #context: CompileContext;
  readonly #contacts = new Pass('contacts_pass');
  readonly #passes = new Map<string, { pass: Pass; sql: (pass: Pass) => string }>();
  readonly #sets = new Map<string, ReturnType<typeof memberSetParts>>();
  readonly #where: string;

  constructor(context: CompileContext) {
    this.#context = context;
    const only = context.contacts === null ? '' : ` AND contact_id IN ${this.params.add('Array(UInt32)', context.contacts)}`;
    this.#where = `workspace_id = ${this.params.add('UInt32', context.workspaceId)}${only}`;
    this.everybody = this.#contacts.bitmap('1');
  }

  tree(node: Node, timezone: string): string {
    return `bitmapAnd(${this.everybody}, ${this.#node(node, { now: this.#context.now, timezone })})`;
  }

  from(): string {
    const selects = [
      this.#contacts.conditions.length === 1 ? everybodySql(this.#contacts, this.#where) : this.#rows(this.#contacts, 'contacts'),
      ...[...this.#passes.values()].map(({ pass, sql }) => sql(pass)),
      ...[...this.#sets.values()].flatMap((set) => set.selects),
    ];
    return selects.map((select, n) => `(${select}) AS t${n}`).join('\n CROSS JOIN ');
  }

  #node(node: Node, clock: Clock): string {
    if (node.kind === 'leaf') {
      const { bitmap, complement } = this.#leaf(node.leaf, clock);
      return complement ? `bitmapAndnot(${this.everybody}, ${bitmap})` : bitmap;
    }
    const { operator, leaves } = node.branch;
    const parts = leaves.map((child) => this.#node(child, clock));
    const combined = combine(operator === 'and' ? 'bitmapAnd' : 'bitmapOr', parts);
    return operator === 'none' ? `bitmapAndnot(${this.everybody}, ${combined})` : combined;
  }

  #leaf(leaf: Leaf, clock: Clock): Matched {
    const context = (emptiness: FilterContext['emptiness']): FilterContext => ({ params: this.params, clock, emptiness });
    switch (leaf.source) {
      case 'contacts': {
        const all = leaf.contact.filters.map((filter) => filterCondition(filter, context('null')));
        return { bitmap: this.#contacts.bitmap(all.join(' AND ')), complement: false };
      }
      case 'contact_lists': {
        const { operator, list_id, status } = leaf.contact_list;
        const pass = this.#pass('lists_pass', (p) => this.#rows(p, 'contact_lists'));
        const list = `list_id = ${this.params.text(list_id)}`;
        pass.restrict(list, list);
        const condition = status === undefined ? list : `${list} AND status = ${this.params.text(status)}`;
        return { bitmap: pass.bitmap(condition), complement: operator === 'not_in' };
      }
      case 'contact_timeline':
        return this.#activity(leaf.contact_timeline, context('empty_text'));
      case 'custom_events_goals':
        return goalLeaf(leaf.custom_events_goal, this.#customEvents(), context('empty_text'));
      case 'segments': {
        const { operator, segment_id } = leaf.segment;
        return { bitmap: this.#members(segment_id), complement: operator === 'not_in' };
      }
    }
  }

  #activity(leaf: TimelineLeaf, context: FilterContext): Matched {
    if (matchesEverybody(leaf)) return { bitmap: this.everybody, complement: false };
    if (leaf.kind.startsWith(CUSTOM_KIND_PREFIX)) {
      const pass = this.#customEvents();
      return countMatches(leaf, customKindCount(leaf, pass, context), pass);
    }
    // Kind by kind, each is one range of the orders for everybody; of a few contacts, all kinds lie together in theirs.
    const restricted = this.#context.contacts !== null;
    const final = readsFirstCopies(leaf);
    const byTime = !restricted && !final && liesTogether(leaf, context.clock);
    const order = restricted ? 'timeline_by_contact' : byTime ? 'entry_times' : 'timeline_by_kind';
    const rows: Rows = { table: order, where: this.#where, ...(final ? { compare: 'candidates' } : {}) };
    const name = `${final ? 'first' : byTime ? 'timed' : 'raw'}${restricted ? '' : `_${this.#kindNumber(leaf.kind)}`}`;
    // Of a few contacts, one reading of their rows serves both questions.
    if (asksForAny(leaf) && !restricted)
      return anyActivity(
        leaf,
        this.#pass(`any_${name}`, (p) => rowPassSql(p, rows)),
        context,
      );
    const pass = this.#pass(`count_${name}`, (p) => groupPassSql(p, rows));
    return countMatches(leaf, activityCount(leaf, pass, context), pass);
  }

  readonly #kinds = new Map<string, number>();
  #kindNumber(kind: string): number {
    const known = this.#kinds.get(kind) ?? this.#kinds.size;
    this.#kinds.set(kind, known);
    return known;
  }

  #customEvents(): Pass {
    const table = this.#context.contacts === null ? 'custom_events' : 'custom_events_by_contact';
    return this.#pass('custom_pass', (p) => groupPassSql(p, { table, where: this.#where, alive: 'deleted_at IS NULL', compare: 'all' }));
  }

  #rows(pass: Pass, table: Rows['table']): string {
    return rowPassSql(pass, { table, where: this.#where, compare: 'all' });
  }

  #members(segmentId: string): string {
    const set = this.#context.members(segmentId);
    const name = `members_${set.segmentUid}`;
    const known = this.#sets.get(name) ?? memberSetParts(this.#context.workspaceId, set, this.params, name);
    this.#sets.set(name, known);
    return known.bitmap;
  }

  #pass(name: string, sql: (pass: Pass) => string): Pass {
    const known = this.#passes.get(name);
    if (known) return known.pass;
    const pass = new Pass(name);
    this.#passes.set(name, { pass, sql });
    return pass;
  }
}

/** A balanced tree of calls: two hundred leaves in a row would nest as deep. */
function combine(operation: string, parts: readonly string[]): string {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const half = Math.ceil(parts.length / 2);
  return `${operation}(${combine(operation, parts.slice(0, half))}, ${combine(operation, parts.slice(half))})`;
}
