/**
 * Spreadsheets run a cell that begins with = + - @ tab or CR as a formula. Such a cell is written with an apostrophe before it, which
 * spreadsheets do not show; reading takes it off again. So that every text comes back as it was, a text that begins with apostrophes
 * and then one of those characters gets one more. The apostrophe that marks a number as text (`'01067`, as shops export postcodes)
 * is taken off, and doubled, likewise.
 *
 * Phone numbers and plain negative numbers do nothing as formulas and stay as they are.
 */
const DANGEROUS = /^'*[=+\-@\t\r]|^'+\d+$/;
const PROTECTED = /^'+(?:[=+\-@\t\r]|\d+$)/;
const HARMLESS = /^(?:\+\d[\d ().\-/]*|-\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)$/;

/** The cell as it is written. */
export function protect(cell: string): string {
  return DANGEROUS.test(cell) && !HARMLESS.test(cell) ? `'${cell}` : cell;
}

/** Takes protection off every cell, in place; the inverse of {@link protect}. */
export function unprotectAll(cells: string[]): void {
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] ?? '';
    if (cell.charCodeAt(0) === 0x27 && PROTECTED.test(cell)) cells[i] = cell.slice(1);
  }
}
