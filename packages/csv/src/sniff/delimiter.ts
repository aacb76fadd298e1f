/** The delimiter of a file: the one that cuts its rows into the same number of cells. */
import type { Delimiter } from '../dialect.ts';
import type { Row } from '../row.ts';

export const DELIMITERS: readonly Delimiter[] = [',', ';', '\t', '|'];

/** Rows that are compared. */
const ENOUGH = 100;

/**
 * @param read the rows of the file's beginning, as they are with a delimiter
 * @returns `,` where no delimiter cuts anything, the one that cuts least where the first row has one cell
 */
export function detectDelimiter(read: (delimiter: Delimiter) => Row[]): { delimiter: Delimiter; certain: boolean } {
  let best: { delimiter: Delimiter; score: number; cells: number } | undefined;
  let whole: Delimiter | undefined;
  for (const delimiter of DELIMITERS) {
    const rows = read(delimiter).slice(0, ENOUGH);
    const cells = rows.find((row) => row.fault === null)?.cells.length ?? 0;
    if (rows.every((row) => row.fault === null && row.cells.length <= 1)) whole ??= delimiter;
    if (cells < 2) continue;
    const score = rows.filter((row) => row.cells.length === cells).length / rows.length;
    if (best === undefined || score > best.score || (score === best.score && cells > best.cells)) best = { delimiter, score, cells };
  }
  if (best !== undefined) return { delimiter: best.delimiter, certain: true };
  return { delimiter: whole ?? ',', certain: false };
}
