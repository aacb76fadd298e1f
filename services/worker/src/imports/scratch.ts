/**
 * What a scan leaves for the second pass, in files beside the import's own:
 *
 * - `rows`: a line of JSON per valid row: where it is in the file, and its patch, ready for a lane;
 * - `index`: per chunk of records where its rows are and what else it holds;
 * - `losers`: one bit per record, set for duplicates.
 *
 * The second pass reads these, and not the file again: a row then is what the scan found, whichever place a run starts from. (Where a
 * file is full of stray quotes, reading from the middle may see other rows than reading from the start.)
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type ContactPatch, isJsonObject } from '@muster/domain';
import { scratchFile } from '@muster/queues';
import { isLoser, readAll, writeAll } from './duplicates.ts';
import { isMissing, ScratchLost } from './failure.ts';

/** A record's place in the file: bytes and line. */
export type Place = { record: number; start: number; end: number; line: number };
export type ScannedRow = Place & { patch: ContactPatch /** Bytes of JSON. */; bytes: number };
/** A chunk: consecutive records. */
export type ScannedChunk = { records: number; rejected: number; duplicates: number; winners: ScannedRow[] };

type Entry = { offset: number; length: number; records: number; rejected: number };
const ENTRY_NUMBERS = 4;

export class ScratchWriter {
  readonly #rows: FileHandle;
  readonly #pathOf: (what: string) => string;
  readonly #limits: { records: number; bytes: number };
  readonly #index: number[] = [];
  #open: Entry = { offset: 0, length: 0, records: 0, rejected: 0 };
  #lines: string[] = [];

  private constructor(rows: FileHandle, pathOf: (what: string) => string, limits: { records: number; bytes: number }) {
    this.#rows = rows;
    this.#pathOf = pathOf;
    this.#limits = limits;
  }

  static async create(dir: string, importId: string, run: string, limits: { records: number; bytes: number }): Promise<ScratchWriter> {
    const pathOf = (what: string) => scratchFile(dir, importId, run, what);
    return new ScratchWriter(await open(pathOf('rows'), 'w'), pathOf, limits);
  }

  get chunks(): number {
    return this.#index.length / ENTRY_NUMBERS;
  }

  valid(place: Place, patch: ContactPatch): void {
    const line = `${JSON.stringify([place.record, place.start, place.end, place.line, patch])}\n`;
    this.#lines.push(line);
    this.#open.length += Buffer.byteLength(line);
    this.#count();
  }

  rejected(): void {
    this.#open.rejected += 1;
    this.#count();
  }

  #count(): void {
    this.#open.records += 1;
    if (this.#open.records >= this.#limits.records || this.#open.length >= this.#limits.bytes) this.#close();
  }

  #close(): void {
    const { offset, length, records, rejected } = this.#open;
    if (records === 0) return;
    this.#index.push(offset, length, records, rejected);
    this.#open = { offset: offset + length, length: 0, records: 0, rejected: 0 };
  }

  async drain(): Promise<void> {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    this.#lines = [];
    await writeAll(this.#rows, Buffer.from(lines.join('')));
  }

  /** Everything is on the disk when this returns. */
  async finish(losers: Uint8Array): Promise<void> {
    this.#close();
    await this.drain();
    await this.#rows.sync();
    const index = Buffer.alloc(this.#index.length * 8);
    this.#index.forEach((n, i) => {
      index.writeDoubleLE(n, i * 8);
    });
    await store(this.#pathOf('index'), index);
    await store(this.#pathOf('losers'), Buffer.from(losers.buffer, losers.byteOffset, losers.byteLength));
  }

  async close(): Promise<void> {
    await this.#rows.close();
  }
}

async function store(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w');
  try {
    await writeAll(file, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

export class ScratchReader {
  readonly #rows: FileHandle;
  readonly #index: Buffer;
  readonly #losers: Uint8Array;

  private constructor(rows: FileHandle, index: Buffer, losers: Uint8Array) {
    this.#rows = rows;
    this.#index = index;
    this.#losers = losers;
  }

  /** @throws ScratchLost when the files are not there, or not those of a scan that found so many chunks and records. */
  static async open(dir: string, importId: string, run: string, found: { chunks: number; records: number }): Promise<ScratchReader> {
    const pathOf = (what: string) => scratchFile(dir, importId, run, what);
    try {
      const [index, losers] = await Promise.all([readFile(pathOf('index')), readFile(pathOf('losers'))]);
      if (index.length !== found.chunks * ENTRY_NUMBERS * 8 || losers.length !== Math.ceil(found.records / 8))
        throw new ScratchLost('scratch files are not whole');
      return new ScratchReader(await open(pathOf('rows'), 'r'), index, losers);
    } catch (error) {
      throw isMissing(error) ? new ScratchLost('scratch files are missing', { cause: error }) : error;
    }
  }

  /** @throws ScratchLost when the rows are not what was written. */
  async chunk(n: number): Promise<ScannedChunk> {
    const number = (k: number) => this.#index.readDoubleLE((n * ENTRY_NUMBERS + k) * 8);
    const [offset, length, records, rejected] = [number(0), number(1), number(2), number(3)];
    const bytes = Buffer.alloc(length);
    try {
      await readAll(this.#rows, bytes, offset);
    } catch (error) {
      throw error instanceof RangeError ? new ScratchLost('rows are missing', { cause: error }) : error;
    }
    const lines = length === 0 ? [] : bytes.toString('utf8', 0, length - 1).split('\n');
    if (lines.length !== records - rejected) throw new ScratchLost('rows are not whole');
    const winners: ScannedRow[] = [];
    for (const line of lines) {
      // The record number comes first: a duplicate's row need not be parsed.
      const record = Number(line.slice(1, line.indexOf(',')));
      if (!isLoser(this.#losers, record)) winners.push(rowOf(line));
    }
    return { records, rejected, duplicates: lines.length - winners.length, winners };
  }

  async close(): Promise<void> {
    await this.#rows.close();
  }
}

function rowOf(line: string): ScannedRow {
  const parsed: unknown = JSON.parse(line);
  if (!Array.isArray(parsed)) throw new ScratchLost('a row is not one');
  const [record, start, end, row, patch]: unknown[] = parsed;
  if (typeof record !== 'number' || typeof start !== 'number' || typeof end !== 'number' || typeof row !== 'number' || !isPatch(patch))
    throw new ScratchLost('a row is not one');
  return { record, start, end, line: row, patch, bytes: Buffer.byteLength(line) };
}

/** As far as it is used here; the lanes parse every item with its schema. */
function isPatch(value: unknown): value is ContactPatch {
  return isJsonObject(value) && typeof value.email === 'string' && isJsonObject(value.fields);
}
