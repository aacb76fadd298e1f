/**
 * Cells by csv-parse. Two readings of the same bytes:
 *
 * - *relaxed* reads whole blocks. A quote inside an unquoted cell is text (`5" pipe`, as spreadsheets read it). Text after a closing
 *   quote makes the cell begin with a quote, which a well-formed cell only does when its quotes are doubled.
 * - *strict* settles such a record: it reads it as written, or refuses it.
 */
import { CsvError, Parser } from 'csv-parse';

/** How a reading of a block ended. `rest` is what no record was made of. */
export type Reading = 'done' | 'stopped' | 'quote_not_closed';

/** Receives each record with the offset in the block where it ends, its line break included; false stops the reading. */
export type OnRecord = (cells: string[], end: number) => boolean;

const LINE_BREAKS = ['\r\n', '\n', '\r'];
const RELAXED = { relax_quotes: true, relax_column_count: true, skip_empty_lines: true, record_delimiter: LINE_BREAKS };
const STRICT = { relax_column_count: true, skip_empty_lines: true, record_delimiter: LINE_BREAKS };

/** Thrown through csv-parse, which has no way of being told to stop; made once, because its stack says nothing. */
const STOP = new Error('reading stopped');

/** csv-parse as a function: records are taken from `push`, which saves the cost of its object stream. */
class BlockParser extends Parser {
  private onRecord: OnRecord = () => true;

  override push(record: unknown): boolean {
    if (isCells(record) && !this.onRecord(record, this.info.bytes)) throw STOP;
    return true;
  }

  /** @throws STOP, CsvError */
  readBlock(block: Buffer, last: boolean, onRecord: OnRecord): void {
    this.onRecord = onRecord;
    const rethrow = (error?: Error | null): void => {
      if (error) throw error;
    };
    this._transform(block, 'utf8', rethrow);
    if (last) this._flush(rethrow);
  }
}

/** Every reading here is without `columns`, `cast` and `info`: a record is an array of text. */
function isCells(record: unknown): record is string[] {
  return Array.isArray(record);
}

/**
 * Reads the records of a block that begins where a record does.
 *
 * @param last the file ends with this block; otherwise its last bytes may stay unread, csv-parse looks ahead
 */
export function readRelaxed(block: Buffer, delimiter: string, last: boolean, onRecord: OnRecord): Reading {
  // csv-parse asks these questions of every byte; most blocks hold neither a quote nor a CR.
  const parser = new BlockParser({
    ...RELAXED,
    delimiter,
    ...(block.includes(0x22) ? {} : { quote: null, escape: null }),
    ...(block.includes(0x0d) ? {} : { record_delimiter: '\n' }),
  });
  try {
    parser.readBlock(block, last, onRecord);
    return 'done';
  } catch (error) {
    if (error === STOP) return 'stopped';
    if (error instanceof CsvError && error.code === 'CSV_QUOTE_NOT_CLOSED') return 'quote_not_closed';
    throw error;
  }
}

/**
 * Reads records whose bytes are known, as written or, failing that, with white space around their quotes. Undefined when the quotes
 * are not where they may be.
 */
export type StrictReader = (record: Buffer) => string[] | undefined;

export function createStrictReader(delimiter: string): StrictReader {
  const asWritten = createOneReader({ ...STRICT, delimiter });
  const trimmed = createOneReader({ ...STRICT, delimiter, trim: true });
  return (record) => asWritten(record) ?? trimmed(record);
}

/** Blank lines, which are skipped: they end the record and are what csv-parse looks ahead to. */
const AFTER = Buffer.from('\n'.repeat(8));

/** One parser serves all records, as making one costs ten times as much as reading one; a parser that failed is not used again. */
function createOneReader(options: ConstructorParameters<typeof Parser>[0]): StrictReader {
  let parser: BlockParser | undefined;
  return (record) => {
    const found: string[][] = [];
    parser ??= new BlockParser(options);
    try {
      parser.readBlock(Buffer.concat([record, AFTER]), false, (cells) => found.push(cells) > 0);
    } catch (error) {
      parser = undefined;
      if (error instanceof CsvError) return undefined;
      throw error;
    }
    if (found.length === 1) return found[0];
    // None: a quote is still open. Several: the record is not one.
    parser = undefined;
    return undefined;
  };
}
