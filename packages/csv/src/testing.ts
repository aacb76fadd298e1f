/** Helpers of the tests: files in memory, read as the importer reads them. */
import type { Dialect, Encoding } from './dialect.ts';
import { type Checkpoint, readRecords } from './read-records.ts';
import type { Row } from './row.ts';

export const DIALECT: Dialect = {
  encoding: 'utf-8',
  fallback: null,
  bomBytes: 0,
  delimiter: ',',
  sepLine: false,
  header: false,
  columns: null,
};

/** Every row of a file that comes in pieces of the given sizes (the last one over and over). */
export async function readAll(file: Buffer | string, dialect: Partial<Dialect> = {}, sizes = [65_536], from?: Checkpoint): Promise<Row[]> {
  const bytes = Buffer.from(file);
  const rows: Row[] = [];
  for await (const batch of readRecords(pieces(bytes.subarray(from?.byte ?? 0), sizes), { ...DIALECT, ...dialect }, from)) {
    for (const row of batch) rows.push(row);
  }
  return rows;
}

function* pieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[Math.min(n, sizes.length - 1)] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** A row in short: its cells, or the code of its fault, after its line. */
export function brief(row: Row): [number, string[] | string] {
  return [row.line, row.fault?.code ?? row.cells];
}

export function encode(text: string, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'utf-8':
      return Buffer.from(text);
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return Buffer.from(text, 'utf16le').swap16();
    default:
      return Buffer.from(Array.from(text, (c) => HIGH.get(c) ?? c.charCodeAt(0)));
  }
}

/** A few of the characters that Windows-1252 has where Latin-1 has none. */
const HIGH = new Map([
  ['€', 0x80],
  ['’', 0x92],
  ['–', 0x96],
  ['Ÿ', 0x9f],
]);
