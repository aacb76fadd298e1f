/** What the reader makes of a file: rows, each a record or a fault of its own. */

/**
 * Why a row is no record.
 *
 * | code | the row |
 * |---|---|
 * | `stray_quote` | text after a closing quote; the row ends with its line |
 * | `quote_not_closed` | a quote is opened and not closed on this line, and with the following lines no record results that fits |
 * | `too_many_cells` | more cells than columns, and what is in excess is not empty |
 * | `record_too_large` | one line of more than 1 MiB |
 * | `invalid_encoding` | bytes that are not UTF-8, or half a surrogate pair in UTF-16 |
 * | `invalid_characters` | a NUL |
 */
export const ROW_FAULT_CODES = [
  'stray_quote',
  'quote_not_closed',
  'too_many_cells',
  'record_too_large',
  'invalid_encoding',
  'invalid_characters',
] as const;

export type RowFaultCode = (typeof ROW_FAULT_CODES)[number];

export type RowFault = {
  code: RowFaultCode;
  /** 0-based column, where one is to blame. */
  column: number | null;
  /** Plain English without values, says what to do. */
  message: string;
  /** The text of the row, at most {@link MAX_RAW} bytes of it. */
  raw: string;
};

export type Row = {
  /** 1-based line of the file where the row starts. */
  line: number;
  /** Offsets in bytes of the file: of the row's first byte, and after its line break. Reading can resume at `end`. */
  start: number;
  end: number;
  /** Line of `end`: what a checkpoint after this row needs. */
  nextLine: number;
  /** The values, protection against formulas taken off; may be fewer than there are columns. Of a faulty row `[]`, but for `too_many_cells`. */
  cells: string[];
  fault: RowFault | null;
};

/** Bytes of a faulty row that are shown. */
export const MAX_RAW = 4_096;
/** Bytes of UTF-8 that one record may have, its line breaks included. */
export const MAX_RECORD_BYTES = 1_048_576;

const MESSAGES: Record<RowFaultCode, string> = {
  stray_quote: 'There is text after a closing quote; double the quotes inside a cell ("") and put the whole cell in quotes.',
  quote_not_closed: 'A quote on this line is not closed; close it, or double the quotes that belong to the text ("").',
  too_many_cells: 'The row has more cells than there are columns; put cells that hold the delimiter in quotes.',
  record_too_large: `The row is larger than ${MAX_RECORD_BYTES / 1024 / 1024} MiB; split or shorten it.`,
  invalid_encoding: 'The row holds bytes that are not text in the encoding of the file; save the file as UTF-8.',
  invalid_characters: 'The row holds a NUL character; remove it.',
};

/** @param bytes the row in UTF-8, or its beginning */
export function rowFault(code: RowFaultCode, bytes: Buffer, column: number | null = null): RowFault {
  return { code, column, message: MESSAGES[code], raw: bytes.toString('utf8', 0, Math.min(bytes.length, MAX_RAW)).replace(/[\r\n]+$/, '') };
}
