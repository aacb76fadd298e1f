/**
 * A pass: one reading of a table that computes many leaves at once. Each leaf is a bitmap of contact ids; a condition that two leaves
 * share, of whatever segments, is computed once.
 */

/** Bitmap expression, and whether the leaf matches the contacts that are not in it. */
export type Matched = { bitmap: string; complement: boolean };

export function conjunction(parts: readonly string[]): string {
  return parts.filter((part) => part !== '1').join(' AND ') || '1';
}

function anyOf(conditions: ReadonlySet<string>): string {
  if (conditions.size === 0 || conditions.has('1')) return '1';
  return [...conditions].map((condition) => `(${condition})`).join(' OR ');
}

/** Aggregates per contact are named once and used by the conditions of several leaves. */
export class Pass {
  readonly name: string;
  readonly #conditions = new Map<string, number>();
  readonly #aggregates = new Map<string, string>();
  readonly #restrictions = new Set<string>();
  readonly #keys = new Set<string>();

  constructor(name: string) {
    this.name = name;
  }

  /** The bitmap of the contacts for which a condition holds. */
  bitmap(condition: string): string {
    let n = this.#conditions.get(condition);
    if (n === undefined) {
      n = this.#conditions.size + 1;
      this.#conditions.set(condition, n);
    }
    return `${this.name}.${n}`;
  }

  /** The name of an aggregate over a contact's rows. */
  aggregate(expression: string): string {
    let name = this.#aggregates.get(expression);
    if (name === undefined) {
      name = `a${this.#aggregates.size}`;
      this.#aggregates.set(expression, name);
    }
    return name;
  }

  /**
   * The rows that a leaf wants: the pass reads those that at least one of its leaves wants.
   *
   * @param key the part of it that all copies of a row share; of a table that is read FINAL, only rows that meet it are compared
   */
  restrict(condition: string, key = '1'): void {
    this.#restrictions.add(condition);
    this.#keys.add(key);
  }

  get restriction(): string {
    return anyOf(this.#restrictions);
  }

  get keyRestriction(): string {
    return anyOf(this.#keys);
  }

  get conditions(): readonly string[] {
    return [...this.#conditions.keys()];
  }

  get aggregates(): readonly (readonly [string, string])[] {
    return [...this.#aggregates].map(([expression, name]) => [name, expression] as const);
  }
}

const states = (conditions: readonly string[]) =>
  `tuple(${conditions.map((c) => (c === '1' ? 'groupBitmapState(contact_id)' : `groupBitmapStateIf(contact_id, ${c})`)).join(', ')})`;

/** What passes read: no other text becomes the name of a table. */
type Table =
  | 'contacts'
  | 'contact_lists'
  | 'timeline_by_contact'
  | 'timeline_by_kind'
  | 'entry_times'
  | 'custom_events'
  | 'custom_events_by_contact';

/** The table of a pass, and which of its rows it may read. */
export type Rows = {
  table: Table;
  /** About the columns that all copies of a row share. */
  where: string;
  /** What else must hold for a row to count, whoever asks. */
  alive?: string;
  /** Copies of a row may differ, and only the one that stays counts: they are compared, all of them or those of contacts who can match. */
  compare?: 'all' | 'candidates';
};

/**
 * Rows that the sort key leaves out are dropped before anything else is read or computed of them: of scattered contacts, whole granules
 * are read. FINAL compares the copies of the rows that PREWHERE lets through: what it asks must be the same for all copies of a row.
 *
 * Comparing copies takes longer than reading them. Of contacts with many rows, only those are compared of whom some copy meets the conditions:
 * where few do, that takes half the time; where all do, half as much again.
 */
function fromRows(pass: Pass, { table, where, alive = '1', compare }: Rows): string {
  const { restriction, keyRestriction } = pass;
  const rest = conjunction([alive, restriction === keyRestriction ? '1' : `(${restriction})`]);
  const prewhere = `${where} AND (${keyRestriction})`;
  if (compare === undefined) return `${table} PREWHERE ${prewhere} WHERE ${rest}`;
  const candidates =
    compare === 'candidates' ? ` AND contact_id IN (SELECT contact_id FROM ${table} PREWHERE ${prewhere} AND ${rest})` : '';
  return `${table} FINAL PREWHERE ${prewhere}${candidates} WHERE ${rest}`;
}

/** A pass over rows that are contacts. */
export function rowPassSql(pass: Pass, rows: Rows): string {
  return `SELECT ${states(pass.conditions)} AS ${pass.name} FROM ${fromRows(pass, rows)}`;
}

/** A pass that aggregates the rows of each contact first. */
export function groupPassSql(pass: Pass, rows: Rows): string {
  const columns = pass.aggregates.map(([name, expression]) => `${expression} AS ${name}`);
  return `SELECT ${states(pass.conditions)} AS ${pass.name} FROM (
    SELECT ${['contact_id', ...columns].join(', ')} FROM ${fromRows(pass, rows)} GROUP BY contact_id)`;
}

/** All contacts, where nothing else is asked of them. The row of an erased one stays for ever, so copies need not be compared. */
export function everybodySql(pass: Pass, where: string): string {
  const all = 'bitmapAndnot(groupBitmapState(contact_id), groupBitmapStateIf(contact_id, is_deleted = 1))';
  return `SELECT tuple(${all}) AS ${pass.name} FROM contacts PREWHERE ${where}`;
}
