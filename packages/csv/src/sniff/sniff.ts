/** How a file is written, from its first bytes. */
import type { Delimiter, Dialect } from '../dialect.ts';
import type { Row } from '../row.ts';
import { Segmenter } from '../segmenter.ts';
import { createTranscoder } from '../transcode.ts';
import { DELIMITERS, detectDelimiter } from './delimiter.ts';
import { detectEncoding, type FoundEncoding } from './encoding.ts';
import { isHeader } from './header.ts';

/** Bytes of a file that {@link sniff} should be given: enough for a header of {@link MAX_COLUMNS} columns and a few hundred rows. */
export const SNIFF_BYTES = 256 * 1024;
/** Columns a file may have. */
export const MAX_COLUMNS = 2_048;

export type SniffFault = {
  /**
   * `binary_file` no text · `unsupported_encoding` UTF-32 · `too_many_columns` · `malformed_header` its quotes do not close ·
   * `first_row_too_large` it does not end within the bytes given
   */
  code: 'binary_file' | 'unsupported_encoding' | 'too_many_columns' | 'malformed_header' | 'first_row_too_large';
  message: string;
};

export type SniffWarning = {
  /** `encoding_guessed` · `no_header` · `no_delimiter` one column · `bad_rows` among the first rows */
  code: 'encoding_guessed' | 'no_header' | 'no_delimiter' | 'bad_rows';
  message: string;
};

export type Sniffed =
  | {
      ok: true;
      dialect: Dialect;
      /** One per column, `""` where the file has no header; none in an empty file. */
      headers: string[];
      /** The first rows behind the header, faulty ones too. Their lines are the file's; their offsets are not, and nothing to resume at. */
      rows: Row[];
      warnings: SniffWarning[];
    }
  | { ok: false; fault: SniffFault };

/** Bytes that the delimiters are compared on. */
const COMPARED = 64 * 1024;
const MAX_SEP_LINE = 8;
const SEP_LINE = /^"?sep=([,;\t|])"?[,;\t|]*(?:\r\n|\r|\n|$)/i;

/**
 * Finds out how a file is written. An empty file is no fault: it has no columns and no records.
 *
 * @param head the first bytes, {@link SNIFF_BYTES} of them or the whole file
 * @param complete the file has no more
 */
export function sniff(head: Buffer, { complete }: { complete: boolean }): Sniffed {
  const found = detectEncoding(head, complete);
  if ('code' in found) return { ok: false, fault: found };
  const transcoder = createTranscoder(found.encoding);
  const body = transcoder.push(head.subarray(found.bomBytes));
  const utf8 = complete ? Buffer.concat([body, transcoder.end()]) : body;

  const sep = SEP_LINE.exec(utf8.toString('utf8', 0, MAX_SEP_LINE + 8));
  const sepDelimiter = DELIMITERS.find((delimiter) => delimiter === sep?.[1]);
  const sepLine = sepDelimiter !== undefined;
  const text = sep === null ? utf8 : utf8.subarray(sep[0].length);
  const { delimiter, certain } = sepLine
    ? { delimiter: sepDelimiter, certain: true }
    : detectDelimiter((candidate) => firstRows(text.subarray(0, COMPARED), candidate, found, complete && text.length <= COMPARED, null));

  const rowsOf = (columns: number | null): Row[] => firstRows(text, delimiter, found, complete, columns);
  return describe(rowsOf, { found, delimiter, certain, sepLine, complete, line: sepLine ? 2 : 1 });
}

/** The rows of a text in UTF-8; offsets are those of the text. */
function firstRows(text: Buffer, delimiter: Delimiter, { fallback }: FoundEncoding, last: boolean, columns: number | null): Row[] {
  return new Segmenter({ delimiter, columns, transcoder: createTranscoder('utf-8'), fallback, byte: 0, line: 1 }).push(text, last);
}

type Known = { found: FoundEncoding; delimiter: Delimiter; certain: boolean; sepLine: boolean; complete: boolean; line: number };

function describe(rowsOf: (columns: number | null) => Row[], known: Known): Sniffed {
  const { found, delimiter, sepLine } = known;
  const unmeasured = rowsOf(null);
  const base = { encoding: found.encoding, fallback: found.fallback, bomBytes: found.bomBytes, delimiter, sepLine };
  const first = unmeasured[0];
  if (first === undefined) {
    if (!known.complete) {
      return fault('first_row_too_large', `The first row does not end within ${SNIFF_BYTES / 1024} KiB; is this a CSV file?`);
    }
    return { ok: true, dialect: { ...base, header: false, columns: null }, headers: [], rows: [], warnings: [] };
  }
  // A first row that cannot be read is a record when it looks like one: it then costs only itself.
  const header = first.fault === null ? isHeader(first.cells) : !first.fault.raw.includes('@');
  if (header && first.fault !== null) {
    return fault('malformed_header', `The header cannot be read: ${first.fault.message}`);
  }
  const columns = header ? first.cells.length : commonLength(unmeasured);
  if (columns > MAX_COLUMNS) return fault('too_many_columns', `The file has ${columns} columns; remove some, ${MAX_COLUMNS} is the most.`);
  const rows = rowsOf(columns);
  const headers = header ? first.cells.map((cell) => cell.trim()) : Array.from({ length: columns }, () => '');
  return {
    ok: true,
    dialect: { ...base, header, columns },
    headers,
    rows: rows.slice(header ? 1 : 0).map((row) => ({ ...row, line: row.line + known.line - 1 })),
    warnings: warningsOf(rows, header, known),
  };
}

function warningsOf(rows: Row[], header: boolean, { found, certain }: Known): SniffWarning[] {
  const warnings: SniffWarning[] = [];
  if (found.guessed) {
    const message = `The encoding is probably ${found.encoding}; look whether accented letters are right, or save the file as UTF-8.`;
    warnings.push({ code: 'encoding_guessed', message });
  }
  if (!header) warnings.push({ code: 'no_header', message: 'The first row does not name the columns; it is imported as a contact.' });
  if (!certain) warnings.push({ code: 'no_delimiter', message: 'No comma, semicolon, tab or | separates cells: the file has one column.' });
  const bad = rows.filter((row) => row.fault !== null).length;
  if (bad > 0) warnings.push({ code: 'bad_rows', message: `${bad} of the first ${rows.length} rows cannot be read and will be rejected.` });
  return warnings;
}

/** The number of cells that most rows have. */
function commonLength(rows: readonly Row[]): number {
  const counts = new Map<number, number>();
  for (const { cells, fault: bad } of rows) {
    if (bad === null) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  }
  let common = 1;
  for (const [length, count] of counts) {
    if (count > (counts.get(common) ?? 0)) common = length;
  }
  return common;
}

function fault(code: SniffFault['code'], message: string): Sniffed {
  return { ok: false, fault: { code, message } };
}
