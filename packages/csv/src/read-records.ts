/** A stream of bytes → batches of rows, from the beginning of a file or from any place where a row ended. Memory stays flat. */
import type { Dialect } from './dialect.ts';
import { MAX_RECORD_BYTES, type Row } from './row.ts';
import { Segmenter } from './segmenter.ts';
import { createTranscoder } from './transcode.ts';

/** Where reading begins: `end` and `nextLine` of a row. */
export type Checkpoint = { byte: number; line: number };

const BLOCK = 128 * 1024;

/**
 * Reads the rows of a file. Blank lines, the `sep=` line and the header are no rows.
 *
 * @param source the bytes of the file from `from.byte` on, in pieces of any size; may end where a row ends to read only a part
 * @param dialect what {@link sniff} found
 * @param from left out, or byte 0: the beginning
 * @returns batches of rows in the order of the file, none empty; a bad row is a row with a `fault`, whatever the bytes nothing is thrown
 *   but what `source` throws
 */
export async function* readRecords(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  dialect: Dialect,
  from?: Checkpoint,
): AsyncGenerator<Row[], void, void> {
  const beginning = from === undefined || from.byte === 0;
  const byte = from?.byte ?? 0;
  const transcoder = createTranscoder(dialect.encoding);
  const segmenter = new Segmenter({
    delimiter: dialect.delimiter,
    columns: dialect.columns,
    transcoder,
    fallback: dialect.fallback,
    byte: beginning ? dialect.bomBytes : byte,
    line: from?.line ?? 1,
  });
  // The `sep=` line is read as a row like any other, then dropped: its line counts.
  let drop = beginning ? Number(dialect.sepLine) + Number(dialect.header) : 0;
  let bom = beginning ? dialect.bomBytes : 0;
  let total = byte;

  const rowsOf = (bytes: Buffer, last: boolean): Row[] => {
    const rows = segmenter.push(bytes, last);
    const dropped = Math.min(drop, rows.length);
    drop -= dropped;
    return dropped > 0 ? rows.slice(dropped) : rows;
  };

  for await (const block of blocks(source, () => segmenter.pending)) {
    total += block.length;
    const skipped = Math.min(bom, block.length);
    bom -= skipped;
    const rows = rowsOf(transcoder.push(block.subarray(skipped)), false);
    if (rows.length > 0) yield rows;
  }
  const rows = rowsOf(transcoder.end(), true);
  const last = rows.at(-1);
  // Half a code unit at the end of UTF-16 counts as a whole one.
  if (last !== undefined && last.end > total) last.end = total;
  if (rows.length > 0) yield rows;
}

/**
 * Pieces of any size → blocks of {@link BLOCK} bytes. While a record waits for its end each block doubles what is there, so that
 * reading it again from its start costs no more than reading it once.
 */
async function* blocks(source: AsyncIterable<Buffer> | Iterable<Buffer>, pending: () => number): AsyncGenerator<Buffer, void, void> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const want = Math.min(Math.max(BLOCK, pending()), MAX_RECORD_BYTES);
      const part = piece.subarray(at, at + want - size);
      parts.push(part);
      size += part.length;
      at += part.length;
      if (size < want) continue;
      yield parts.length === 1 ? part : Buffer.concat(parts, size);
      parts = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(parts, size);
}
