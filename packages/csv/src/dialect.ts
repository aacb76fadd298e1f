import { z } from 'zod';

export type Delimiter = z.infer<typeof dialectSchema>['delimiter'];
export type Encoding = z.infer<typeof dialectSchema>['encoding'];

/** How a file is written: all that reading it from any place needs. Plain JSON, so it can be kept with an import. */
export const dialectSchema = z.object({
  encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252']),
  /** Rows that are not UTF-8 are read as this: set while nothing but ASCII was seen, so that either is possible. */
  fallback: z.literal('windows-1252').nullable(),
  /** Length of the byte order mark. */
  bomBytes: z.number().int(),
  delimiter: z.enum([',', ';', '\t', '|']),
  /** A `sep=;` line, as Excel writes it, stands before everything else. */
  sepLine: z.boolean(),
  /** The first row names the columns. */
  header: z.boolean(),
  /** Columns of the file: cells that a row may have; null: any number (an empty file). */
  columns: z.number().int().nullable(),
});

export type Dialect = z.infer<typeof dialectSchema>;
