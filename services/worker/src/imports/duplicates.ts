/**
 * Which of several valid rows with one address lose. Memory does not grow with the file: the hashes of the addresses are spilled to
 * disk, parted by their first bits, and looked at part by part.
 *
 * 128 bits of SHA-256: two different addresses do not meet in a file of any size.
 */
import { hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

/** Hash (4 words) and record number. */
const WORDS = 5;
const ENTRY = WORDS * 4;
const BLOCK_ENTRIES = 512;
const BLOCK = BLOCK_ENTRIES * ENTRY;
/** Bytes of a file for which one part is enough: its table then has some hundred thousand places. */
const BYTES_PER_PART = 16 * 1024 * 1024;
const MAX_PARTS = 512;

type Part = { buffer: Buffer; used: number; blocks: number[] };

export class DuplicateSpill {
  readonly #file: FileHandle;
  readonly #parts: Part[];
  #full: Buffer[] = [];
  #fullParts: Part[] = [];
  #offset = 0;

  private constructor(file: FileHandle, parts: number) {
    this.#file = file;
    this.#parts = Array.from({ length: parts }, () => ({ buffer: Buffer.allocUnsafe(BLOCK), used: 0, blocks: [] }));
  }

  static async create(path: string, fileBytes: number): Promise<DuplicateSpill> {
    const parts = Math.min(MAX_PARTS, Math.ceil(fileBytes / BYTES_PER_PART) || 1);
    return new DuplicateSpill(await open(path, 'w+'), parts);
  }

  /** Notes a valid row. */
  add(email: string, record: number): void {
    const digest = hash('sha256', email, 'buffer');
    const part = this.#parts[digest.readUInt32LE(16) % this.#parts.length];
    if (!part) throw new Error('no such part');
    digest.copy(part.buffer, part.used, 0, 16);
    part.buffer.writeUInt32LE(record, part.used + 16);
    part.used += ENTRY;
    if (part.used < BLOCK) return;
    this.#full.push(part.buffer);
    this.#fullParts.push(part);
    part.buffer = Buffer.allocUnsafe(BLOCK);
    part.used = 0;
  }

  /** Writes what is full; to be called every now and then. */
  async drain(): Promise<void> {
    if (this.#full.length === 0) return;
    const blocks = this.#full;
    for (const part of this.#fullParts) {
      part.blocks.push(this.#offset);
      this.#offset += BLOCK;
    }
    this.#full = [];
    this.#fullParts = [];
    await writeAll(this.#file, Buffer.concat(blocks));
  }

  /**
   * One bit per record: set = the record is a duplicate.
   *
   * @param breathe called between blocks of work, so that others get their turn
   */
  async losers(records: number, prefer: 'first' | 'last', breathe: () => Promise<void>): Promise<Uint8Array> {
    await this.drain();
    const bits = new Uint8Array(Math.ceil(records / 8));
    const block = Buffer.alloc(BLOCK);
    for (const part of this.#parts) {
      const table = new Winners(prefer, bits);
      for (const offset of part.blocks) {
        await readAll(this.#file, block, offset);
        table.take(block);
        await breathe();
      }
      table.take(part.buffer.subarray(0, part.used));
      await breathe();
    }
    return bits;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Open addressing over plain words: the winner of each address of one part. */
class Winners {
  readonly #prefer: 'first' | 'last';
  readonly #losers: Uint8Array;
  #size = 1 << 12;
  #count = 0;
  /** Hash and record + 1; 0 = free. */
  #table = new Uint32Array(this.#size * WORDS);

  constructor(prefer: 'first' | 'last', losers: Uint8Array) {
    this.#prefer = prefer;
    this.#losers = losers;
  }

  /** Entries in the order of the file. */
  take(entries: Buffer): void {
    const words = new Uint32Array(WORDS);
    for (let at = 0; at < entries.length; at += ENTRY) {
      for (let w = 0; w < WORDS; w += 1) words[w] = entries.readUInt32LE(at + w * 4);
      words[4] = (words[4] ?? 0) + 1;
      this.#place(words);
    }
  }

  #place(words: Uint32Array): void {
    const table = this.#table;
    const at = this.#find(words);
    const held = table[at + 4] ?? 0;
    if (held === 0) {
      table.set(words, at);
      this.#count += 1;
      if (this.#count * 2 > this.#size) this.#grow();
      return;
    }
    const loser = (this.#prefer === 'last' ? held : (words[4] ?? 0)) - 1;
    this.#losers[loser >>> 3] = (this.#losers[loser >>> 3] ?? 0) | (1 << (loser & 7));
    if (this.#prefer === 'last') table[at + 4] = words[4] ?? 0;
  }

  #find(words: Uint32Array): number {
    const table = this.#table;
    for (let slot = (words[0] ?? 0) & (this.#size - 1); ; slot = (slot + 1) & (this.#size - 1)) {
      const at = slot * WORDS;
      if (table[at + 4] === 0) return at;
      if (table[at] === words[0] && table[at + 1] === words[1] && table[at + 2] === words[2] && table[at + 3] === words[3]) return at;
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#size *= 2;
    this.#table = new Uint32Array(this.#size * WORDS);
    for (let at = 0; at < old.length; at += WORDS) {
      if (old[at + 4] === 0) continue;
      const words = old.subarray(at, at + WORDS);
      this.#table.set(words, this.#find(words));
    }
  }
}

export const isLoser = (losers: Uint8Array, record: number): boolean => (((losers[record >>> 3] ?? 0) >>> (record & 7)) & 1) === 1;

/** Appends all of it: a single write may take less. */
export async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

/** Fills the buffer from `position`. @throws RangeError when the file ends before. */
export async function readAll(file: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await file.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw new RangeError('the file ends too early');
    at += bytesRead;
  }
}
