/**
 * Blocks of UTF-8 → rows with their lines and offsets.
 *
 *   reading ──a record that fits──▶ row                         ──▶ reading behind it
 *   reading ──quoted line breaks, and it does not fit──▶ fault  ──▶ reading on the next *line*
 *   reading ──no record ends within MAX_RECORD_BYTES──▶ fault   ──▶ on the next line, or
 *   skipping ──line break──▶ reading                                (that one line is the large one)
 *
 * What a row is depends on the bytes from its start on alone, never on how the file was cut into blocks.
 */
import { isUtf8 } from 'node:buffer';
import { createStrictReader, readRelaxed, type StrictReader } from './cells.ts';
import { unprotectAll } from './formula.ts';
import { countLineBreaks, LineBreaks, lineBreakAt } from './lines.ts';
import { MAX_RAW, MAX_RECORD_BYTES, type Row, type RowFaultCode, rowFault } from './row.ts';
import { DAMAGE, type Transcoder } from './transcode.ts';
import { decodeWindows1252 } from './windows-1252.ts';

/** csv-parse looks a few bytes ahead before it ends a record. */
const LOOK_AHEAD = 16;
/**
 * Where closing quotes were searched in vain again and again, records may span lines only this far: each search may read a whole
 * MiB, and a file of nothing but stray quotes would be searched from every one of its lines.
 */
const NEAR = 1_024;
const PATIENCE = 8;
const QUOTE = 0x22;
const SPACE = 0x20;
const CR = 0x0d;

export type SegmenterOptions = {
  delimiter: string;
  /** Cells that a row may have; null: any number. */
  columns: number | null;
  transcoder: Transcoder;
  /** How rows that are not UTF-8 are read; null: they are faults. */
  fallback: 'windows-1252' | null;
  /** Offset and line of the first byte. */
  byte: number;
  line: number;
};

export class Segmenter {
  private readonly options: SegmenterOptions;
  private bytes: Buffer = Buffer.alloc(0);
  /** Offset in `bytes` where the next row, or a blank line, begins; `byte` and `line` are the same place in the file. */
  private at = 0;
  private byte: number;
  private line: number;
  private breaks = new LineBreaks(this.bytes);
  private skipping: { line: number; start: number; head: Buffer } | null = null;
  /** Up to where in `bytes` records reached that did not fit, and how many of them began within that stretch. */
  private vain = { until: 0, searches: 0 };
  /** What `bytes` holds at all: most rows need none of the closer looks. */
  private suspects = { quotes: false, apostrophes: false, nul: false, encoding: false };
  private rows: Row[] = [];
  private readonly readStrict: StrictReader;

  constructor(options: SegmenterOptions) {
    this.readStrict = createStrictReader(options.delimiter);
    this.options = options;
    this.byte = options.byte;
    this.line = options.line;
  }

  /** Bytes that wait for the rest of their record. */
  get pending(): number {
    return this.bytes.length - this.at;
  }

  /**
   * Takes the next block and returns the rows that are complete with it.
   *
   * @param last the file ends with this block
   */
  push(block: Buffer, last: boolean): Row[] {
    this.rows = [];
    this.vain.until = Math.max(0, this.vain.until - this.at);
    this.bytes = this.pending === 0 ? block : Buffer.concat([this.bytes.subarray(this.at), block]);
    this.at = 0;
    this.breaks = new LineBreaks(this.bytes);
    this.suspects = {
      quotes: this.bytes.includes(QUOTE),
      apostrophes: this.bytes.includes(0x27),
      nul: this.bytes.includes(0),
      encoding: !isUtf8(this.bytes) || (this.options.transcoder.marksDamage && this.bytes.includes(DAMAGE)),
    };
    while (this.step(last)) {
      // each step consumes bytes
    }
    return this.rows;
  }

  /** Reads on from `at`; false when more bytes are needed, or none are left. */
  private step(last: boolean): boolean {
    if (this.skipping !== null && !this.skip(last)) return false;
    this.passBlankLines(last);
    if (this.at === this.bytes.length) return false;
    return this.at < this.vain.until && this.vain.searches >= PATIENCE ? this.readNear(last) : this.readFar(last);
  }

  /** Reads as many records as there are. */
  private readFar(last: boolean): boolean {
    const base = this.at;
    const reading = readRelaxed(this.bytes.subarray(base), this.options.delimiter, last, (cells, end) => this.take(cells, base + end));
    if (reading === 'stopped') return true;
    this.passBlankLines(last);
    if (reading === 'done' && (last || this.pending < MAX_RECORD_BYTES + LOOK_AHEAD)) return false;
    if (this.pending === 0) return false;
    this.searchedInVain(this.bytes.length);
    return this.failLine('quote_not_closed', last);
  }

  /** Reads a few lines as if the file ended with them: the cost of a stretch full of stray quotes stays in proportion to its size. */
  private readNear(last: boolean): boolean {
    const base = this.at;
    const until = this.lineEnd(Math.min(base + NEAR, this.bytes.length), last);
    // No line ends in what is there: only a large line can be the reason.
    if (until === -1) return this.pending > MAX_RECORD_BYTES + NEAR ? this.readFar(last) : false;
    const window = this.bytes.subarray(base, until);
    readRelaxed(window, this.options.delimiter, true, (cells, end) => this.take(cells, base + end));
    return this.at > base || this.failLine('quote_not_closed', last);
  }

  /** Judges one record that ends at `end`. False: it swallowed lines that are none of its own, and reading goes on behind its first. */
  private take(cells: string[], end: number): boolean {
    this.passBlankLines(true);
    const start = this.at;
    const lineEnd = this.suspects.quotes ? this.breaks.endOfLine(start) : end;
    const severalLines = lineEnd !== -1 && lineEnd < end;
    const bytes = this.bytes.subarray(start, end);
    if (bytes.length > MAX_RECORD_BYTES) {
      if (severalLines) return this.failFirstLine(end);
      this.add(bytes, [], 'record_too_large', 1);
      return true;
    }
    if (severalLines && !this.fits(cells)) return this.failFirstLine(end);
    return this.judge(cells, bytes, severalLines);
  }

  private judge(given: string[], bytes: Buffer, severalLines: boolean): boolean {
    const { suspects } = this;
    const lines = severalLines ? countLineBreaks(bytes, 0, bytes.length) : 1;
    let cells = given;
    if (cells.length === 1 && isBlankCell(cells[0]) && bytes[0] !== QUOTE) return this.consume(bytes.length, lines);
    let text = bytes;
    if (suspects.encoding && isDamaged(bytes)) {
      if (this.options.fallback === null) return this.add(bytes, [], 'invalid_encoding', lines);
      // The delimiter, quotes and line breaks are ASCII, so the record's ends are the same in either encoding.
      text = Buffer.from(decodeWindows1252(bytes));
      cells = firstRecord(text, this.options.delimiter);
    }
    if (suspects.nul && bytes.includes(0)) return this.add(bytes, [], 'invalid_characters', lines);
    if (suspects.quotes && cells.some(beginsWithQuote)) {
      const strict = this.readStrict(text);
      if (strict !== undefined) cells = strict;
      else if (cells.some((cell) => cell.charCodeAt(0) === QUOTE)) {
        return severalLines ? this.failFirstLine(this.at + bytes.length) : this.add(bytes, [], 'stray_quote', lines);
      }
    }
    const { columns } = this.options;
    if (columns !== null && cells.length > columns) {
      if (!cells.slice(columns).every(isBlankCell)) {
        unprotectAll(cells);
        return this.add(bytes, cells, 'too_many_cells', lines, columns);
      }
      cells.length = columns;
    }
    if (suspects.apostrophes) unprotectAll(cells);
    return this.add(bytes, cells, null, lines);
  }

  private fits(cells: string[]): boolean {
    const { columns } = this.options;
    return columns === null || cells.length === columns || (cells.length > columns && cells.slice(columns).every(isBlankCell));
  }

  /** @param end where the record ended that does not fit */
  private failFirstLine(end: number): false {
    this.searchedInVain(end);
    this.failLine('quote_not_closed', true);
    return false;
  }

  private searchedInVain(end: number): void {
    const until = Math.min(end, this.at + MAX_RECORD_BYTES);
    if (until - this.at <= NEAR) return;
    this.vain = { until: Math.max(until, this.vain.until), searches: this.at < this.vain.until ? this.vain.searches + 1 : 1 };
  }

  /** The line at `at` is bad; reading goes on with the next one. False: its end is not there yet. */
  private failLine(code: RowFaultCode, last: boolean): boolean {
    const found = this.lineEnd(this.at, last);
    if (found === -1) {
      if (this.pending <= MAX_RECORD_BYTES) return false;
      this.skipping = { line: this.line, start: this.byte, head: Buffer.from(this.bytes.subarray(this.at, this.at + MAX_RAW)) };
      return this.skip(last);
    }
    const bytes = this.bytes.subarray(this.at, found);
    return this.add(bytes, [], bytes.length > MAX_RECORD_BYTES ? 'record_too_large' : code, 1);
  }

  /** Passes over the rest of a line that is too large. False: it goes on. */
  private skip(last: boolean): boolean {
    if (this.skipping === null) return true;
    const { line, start, head } = this.skipping;
    const found = this.lineEnd(this.at, last);
    const until = found === -1 ? this.bytes.length - (this.bytes[this.bytes.length - 1] === CR ? 1 : 0) : found;
    this.consume(until - this.at, found === -1 ? 0 : 1);
    if (found === -1) return false;
    this.skipping = null;
    const fault = rowFault('record_too_large', head);
    this.rows.push({ line, start, end: this.byte, nextLine: this.line, cells: [], fault });
    return true;
  }

  /** Offset after the line at `from`; -1 while its end, or the second byte of its CRLF, may be in the next block. */
  private lineEnd(from: number, last: boolean): number {
    const found = this.breaks.endOfLine(from);
    if (last) return found === -1 ? this.bytes.length : found;
    return found === this.bytes.length && this.bytes[found - 1] === CR ? -1 : found;
  }

  private passBlankLines(last: boolean): void {
    for (;;) {
      const length = lineBreakAt(this.bytes, this.at);
      if (length === 0 || (!last && this.bytes[this.at] === CR && this.at + 1 === this.bytes.length)) return;
      this.consume(length, 1);
    }
  }

  private add(bytes: Buffer, cells: string[], code: RowFaultCode | null, lines: number, column: number | null = null): true {
    const { line, byte: start } = this;
    this.consume(bytes.length, lines);
    const fault = code === null ? null : rowFault(code, bytes, column);
    this.rows.push({ line, start, end: this.byte, nextLine: this.line, cells, fault });
    return true;
  }

  private consume(length: number, lines: number): true {
    this.byte += this.options.transcoder.sourceBytes(this.bytes, this.at, this.at + length);
    this.at += length;
    this.line += lines;
    return true;
  }
}

function isBlankCell(cell: string | undefined): boolean {
  return cell === undefined || cell === '' || cell.trim() === '';
}

/** The cell begins with a quote, or with a space and a quote. */
function beginsWithQuote(cell: string): boolean {
  const first = cell.charCodeAt(0);
  return first === QUOTE || (first === SPACE && cell.trimStart().charCodeAt(0) === QUOTE);
}

function isDamaged(bytes: Buffer): boolean {
  return !isUtf8(bytes) || bytes.includes(DAMAGE);
}

function firstRecord(bytes: Buffer, delimiter: string): string[] {
  let first: string[] = [];
  readRelaxed(bytes, delimiter, true, (cells) => {
    first = cells;
    return false;
  });
  return first;
}
