import { protect } from './formula.ts';

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/**
 * One line of CSV as RFC 4180 has it (comma, CRLF), safe to open in a spreadsheet; {@link readRecords} gives the same cells back.
 *
 * @param cells at least one
 */
export function csvRow(cells: readonly string[]): string {
  // A line of one empty cell would be a blank line, which is no record.
  if (cells.length === 1 && (cells[0] ?? '').trim() === '') return `"${cells[0] ?? ''}"\r\n`;
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: string): string {
  const safe = protect(cell);
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
