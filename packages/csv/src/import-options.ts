/** How an import was asked for, as it is kept with it: everything that decides what becomes of a row, fixed when it starts. */
import { z } from 'zod';
import { columnFormatsSchema } from './values/column-formats.ts';

export const importOptionsSchema = z.object({
  empty_cells: z.enum(['keep', 'clear']),
  /** Which of several valid rows with one address is applied. */
  duplicates: z.enum(['last', 'first']),
  /** ISO 3166-1 alpha-2: hint for phone numbers of rows without a country; null: the workspace has none. */
  default_country: z.string().nullable(),
  /** What was detected, a person's formats over it. */
  column_formats: columnFormatsSchema,
  /** The workspace's at the start: a row read again is read the same. */
  timezone: z.string(),
});

export type ImportOptions = z.infer<typeof importOptionsSchema>;
