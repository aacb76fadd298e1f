import type { Encoding } from './transcode.ts';

export type Delimiter = ',' | ';' | '\t' | '|';

/** How a file is written: all that reading it from any place needs. Plain JSON, so it can be kept with an import. */
export type Dialect = {
  encoding: Encoding;
  /** Rows that are not UTF-8 are read as this: set while nothing but ASCII was seen, so that either is possible. */
  fallback: 'windows-1252' | null;
  /** Length of the byte order mark. */
  bomBytes: number;
  delimiter: Delimiter;
  /** A `sep=;` line, as Excel writes it, stands before everything else. */
  sepLine: boolean;
  /** The first row names the columns. */
  header: boolean;
  /** Columns of the file: cells that a row may have; null: any number (an empty file). */
  columns: number | null;
};
