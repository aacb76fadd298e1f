/** How the values of columns are written, by column: what the file cannot tell, a person does. */
import { z } from 'zod';
import { dateEvidence } from './date.ts';
import { decimalEvidence } from './number.ts';

export const columnFormatSchema = z.strictObject({
  date: z
    .enum(['dmy', 'mdy', 'ymd'])
    .optional()
    .describe('Order of day, month and year: `05/03/2024` is 5 March with `dmy`, May 3rd with `mdy`'),
  decimal: z.enum([',', '.']).optional().describe('Decimal mark; the other one, if any, groups digits'),
});

export const columnFormatsSchema = z
  .record(z.string().regex(/^\d{1,5}$/, 'must be the number of a column, from 0'), columnFormatSchema)
  .describe('How columns are written, by column index: `{"3": {"date": "dmy", "decimal": ","}}`');

export type ColumnFormat = z.infer<typeof columnFormatSchema>;
export type ColumnFormats = z.infer<typeof columnFormatsSchema>;

/**
 * The formats that samples prove. Sound in this sense: a format is taken only from values that can be read in no other way
 * (`25/12/2024`, `1.234,50`), only when no other sample of the column contradicts them, and rows that contradict it later are faults.
 * A column without evidence of its own has the decimal mark of the columns that do, if those agree: one program wrote the file.
 *
 * @param columns samples by column
 */
export function detectFormats(columns: readonly (readonly string[])[]): ColumnFormats {
  const decimals = columns.map(decimalEvidence);
  const marks = new Set(decimals.filter((mark) => mark !== null));
  const common = marks.size === 1 ? [...marks][0] : undefined;
  const formats: ColumnFormats = {};
  for (const [index, samples] of columns.entries()) {
    const date = dateEvidence(samples);
    // A common point changes nothing: it is how numbers are read anyway.
    const decimal = decimals[index] ?? (common === ',' ? common : undefined);
    if (date === null && decimal === undefined) continue;
    formats[index] = { ...(date === null ? {} : { date }), ...(decimal === undefined ? {} : { decimal }) };
  }
  return formats;
}

/** What a person says over what was detected, each column's date and decimal mark apart. */
export function mergeFormats(detected: ColumnFormats, given: ColumnFormats): ColumnFormats {
  const merged: ColumnFormats = { ...detected };
  for (const [column, format] of Object.entries(given)) merged[column] = { ...detected[column], ...format };
  return merged;
}
