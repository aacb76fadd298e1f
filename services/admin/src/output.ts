/** Where the commands write: lines for a person, and a progress line that is rewritten on a terminal. */
export type Output = {
  line(text: string): void;
  /** Shows how far a long command is; only on a terminal, where the line can be written over. */
  progress(label: string, done: number, total: number): void;
  /** Ends the progress line. */
  endProgress(): void;
};

type Sink = { write(text: string): unknown; isTTY?: boolean };

const BAR_WIDTH = 30;

export function createOutput(sink: Sink): Output {
  let open = false;
  return {
    line: (text) => void sink.write(`${text}\n`),
    progress(label, done, total) {
      if (!sink.isTTY) return;
      open = true;
      sink.write(`\r\u001b[K${progressLine(label, done, total)}`);
    },
    endProgress() {
      if (open) sink.write('\n');
      open = false;
    },
  };
}

/** `contacts [#####-----]  50 %  1,000 of 2,000`; rows added meanwhile never push it over 100 %. */
export function progressLine(label: string, done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled);
  return `${label} [${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${formatCount(done)} of ${formatCount(Math.max(total, done))}`;
}

export const formatCount = (n: number): string => n.toLocaleString('en-US');

/** Lines of a table: a header, then rows; numbers are aligned right. */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const text = [header, ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatCount(cell) : cell)))];
  const widths = header.map((_, column) => Math.max(...text.map((row) => (row[column] ?? '').length)));
  const numeric = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  return text.map((row) =>
    row
      .map((cell, column) => (numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
