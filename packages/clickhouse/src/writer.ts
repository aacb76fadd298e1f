/**
 * Group commit: one writer per process. Callers hand over rows and wait; the writer packs what many of them brought into one
 * insert per table, because every insert makes a part and ClickHouse wants few, large ones.
 *
 * A flush starts at once when the last one began at least an interval ago (a lone caller is not kept waiting), otherwise when that
 * time has passed or `maxRows` have gathered. The interval is `intervalMs`, up to 500 ms while inserts are slow (an insert costs
 * ClickHouse 5 to 15 ms of CPU whatever its size, so under load fewer and larger ones), and more when unmerged parts pile up. The writer never
 * drops a row and never acknowledges early: only errors that a row's content causes split a batch, and the rows found guilty
 * are returned to their caller; anything else is repeated until it works.
 */
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { backoffMs, errorFields, type Logger, sleep } from '@muster/runtime';
import { type ClickHouse, clickhouseCode, isRowError } from './client.ts';
import type { TableRows } from './rows.ts';
import { encodeRows, insertStatement, TARGETS, usedColumns } from './tables.ts';

type Row = object;
/** Under load the interval is this many times as long as a flush takes. */
const REST = 3;
const BUSY_INTERVAL_MAX_MS = 500;
const LOGICAL = Object.keys(TARGETS) as (keyof TableRows)[];

/** The refused rows of one caller: another's are for that one to record. */
function refusedOf(rows: TableRows, refused: ReadonlySet<object>): Set<object> {
  return new Set(LOGICAL.flatMap((table) => (rows[table] ?? []).filter((row) => refused.has(row))));
}

type InsertTarget = { table: string; columns: readonly string[] };
type Waiting = { rows: TableRows; count: number; resolve: (refused: Set<object>) => void };

export type WriterOptions = {
  clickhouse: ClickHouse;
  log: Logger;
  onError?: (code: string) => void;
  intervalMs?: number;
  maxRows?: number;
};

export class GroupCommitWriter {
  readonly #clickhouse: ClickHouse;
  readonly #log: Logger;
  readonly #onError: (code: string) => void;
  readonly #baseIntervalMs: number;
  readonly #maxRows: number;
  #intervalMs: number;
  #queue: Waiting[] = [];
  #queuedRows = 0;
  #lastFlush = 0;
  /** How long the last flush took. */
  #flushMs = 0;
  #flushing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #partsCheckedAt = 0;
  readonly #abort = new AbortController();

  constructor(options: WriterOptions) {
    this.#clickhouse = options.clickhouse;
    this.#log = options.log;
    this.#onError = options.onError ?? (() => undefined);
    this.#baseIntervalMs = options.intervalMs ?? 250;
    this.#intervalMs = this.#baseIntervalMs;
    this.#maxRows = options.maxRows ?? 20_000;
  }

  /** Rows waiting for a flush: the caller's measure for slowing down. */
  get queuedRows(): number {
    return this.#queuedRows;
  }

  /** Resolves when all rows are in ClickHouse, with the row objects that ClickHouse refused for their content. */
  write(rows: TableRows): Promise<Set<object>> {
    const count = LOGICAL.reduce((n, table) => n + (rows[table]?.length ?? 0), 0);
    if (count === 0) return Promise.resolve(new Set());
    return new Promise((resolve) => {
      this.#queue.push({ rows, count, resolve });
      this.#queuedRows += count;
      this.#schedule();
    });
  }

  /** Flushes what is queued; callers still waiting when `stop` was called with ClickHouse away stay unacknowledged. */
  async close(): Promise<void> {
    this.#abort.abort();
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#flushing || this.#queue.length > 0) await (this.#flushing ?? this.#flush());
  }

  #schedule(): void {
    if (this.#flushing || this.#timer) {
      if (this.#queuedRows >= this.#maxRows && this.#timer) this.#startNow();
      return;
    }
    const interval = Math.max(this.#intervalMs, Math.min(REST * this.#flushMs, BUSY_INTERVAL_MAX_MS));
    const wait = this.#queuedRows >= this.#maxRows ? 0 : Math.max(0, this.#lastFlush + interval - Date.now());
    // Always through the event loop: what other callers hand over in this turn joins the same flush.
    this.#timer = setTimeout(() => this.#startNow(), wait);
  }

  #startNow(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (!this.#flushing) void this.#flush();
  }

  #flush(): Promise<void> {
    const batch = this.#takeBatch();
    this.#lastFlush = Date.now();
    const run = this.#insertBatch(batch).then(() => {
      this.#flushing = null;
      this.#flushMs = Date.now() - this.#lastFlush;
      if (this.#queue.length > 0 && !this.#abort.signal.aborted) this.#schedule();
    });
    this.#flushing = run;
    return run;
  }

  #takeBatch(): Waiting[] {
    let rows = 0;
    let n = 0;
    // At least one caller, then as many as fit into twice the threshold.
    while (n < this.#queue.length && (n === 0 || rows + (this.#queue[n]?.count ?? 0) <= this.#maxRows * 2)) {
      rows += this.#queue[n]?.count ?? 0;
      n += 1;
    }
    const batch = this.#queue.splice(0, n);
    this.#queuedRows -= rows;
    return batch;
  }

  async #insertBatch(batch: Waiting[]): Promise<void> {
    const refused = new Set<object>();
    const inserts: Promise<void>[] = [];
    for (const logical of LOGICAL) {
      const rows: Row[] = [];
      for (const waiting of batch) for (const row of waiting.rows[logical] ?? []) rows.push(row);
      if (rows.length === 0) continue;
      // Encoding is the dearest part of an insert on our side: once, for both orders of a table.
      const { tables } = TARGETS[logical];
      const columns = usedColumns(rows, TARGETS[logical].columns);
      const body = encodeRows(rows, columns);
      for (const table of tables) inserts.push(this.#insertUntilDone({ table, columns }, rows, body, refused));
    }
    await Promise.all(inserts);
    await this.#adaptInterval();
    for (const { rows, resolve } of batch) resolve(refused.size === 0 ? refused : refusedOf(rows, refused));
  }

  /** Inserts rows into one table; repeats for ever on transient errors, splits on data errors. */
  async #insertUntilDone(target: InsertTarget, rows: Row[], body: Buffer, refused: Set<object>): Promise<void> {
    const { table, columns } = target;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#insert(target, body);
        return;
      } catch (error) {
        const code = String(clickhouseCode(error) ?? 'connection');
        this.#onError(code);
        if (isRowError(error)) {
          if (rows.length === 1) {
            this.#log.error({ table, code }, 'clickhouse refused a row for its content');
            for (const row of rows) refused.add(row);
            return;
          }
          const half = rows.length >> 1;
          for (const part of [rows.slice(0, half), rows.slice(half)])
            await this.#insertUntilDone(target, part, encodeRows(part, columns), refused);
          return;
        }
        if (attempt % 20 === 0)
          this.#log.warn({ table, rows: rows.length, attempt, ...errorFields(error), code }, 'clickhouse insert failed, repeating');
        await sleep(backoffMs(attempt, 100, 2_000));
      }
    }
  }

  async #insert({ table, columns }: InsertTarget, body: Buffer): Promise<void> {
    const { stream } = await this.#clickhouse.exec({
      query: insertStatement(table, columns),
      values: Readable.from([body], { objectMode: false }),
    });
    // The answer of an insert is empty; reading it to its end gives the connection back.
    stream.resume();
    await finished(stream);
  }

  /** Looks at the number of active parts every 5 s while writing: above 150 the interval goes to 1 s, above 600 to 3 s. */
  async #adaptInterval(): Promise<void> {
    const now = Date.now();
    if (now - this.#partsCheckedAt < 5_000) return;
    this.#partsCheckedAt = now;
    try {
      const result = await this.#clickhouse.query({
        query:
          'SELECT toUInt32(max(parts)) AS parts FROM (SELECT count() AS parts FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table, partition)',
        format: 'JSONEachRow',
      });
      const [row] = await result.json<{ parts: number }>();
      const parts = row?.parts ?? 0;
      this.#intervalMs = parts > 600 ? 3_000 : parts > 150 ? 1_000 : this.#baseIntervalMs;
    } catch (error) {
      // The interval stays as it is; inserts themselves report an outage.
      this.#log.debug(errorFields(error), 'could not read the number of parts');
    }
  }
}
