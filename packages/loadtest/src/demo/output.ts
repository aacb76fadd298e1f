/** Where the demonstration talks to a person: lines, and a bar that moves where there is a terminal. */
import { SingleBar } from 'cli-progress';

export type Output = {
  line(text?: string): void;
  /** Shows how far a step is; on a terminal as a bar, else as a line every tenth. */
  progress(label: string, total: number): Progress;
};

export type Progress = { add(n: number): void; done(note?: string): void };

const WIDTH = 26;

export function standardOutput(): Output {
  process.stdout.on('error', (error: Error) => {
    // A closed pipe (`make demo | head`) must not end the run half way.
    if (!('code' in error) || error.code !== 'EPIPE') throw error;
  });
  const line = (text = ''): void => void process.stdout.write(`${text}\n`);
  const progress = process.stdout.isTTY ? bar : (label: string, total: number) => lines(line, label, total);
  return { line, progress };
}

function bar(label: string, total: number): Progress {
  const single = new SingleBar({
    format: `  ${label.padEnd(WIDTH)} {bar} {value}/{total}  {rate}/s`,
    stream: process.stdout,
    barsize: 28,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  const startedAt = performance.now();
  let sent = 0;
  single.start(total, 0, { rate: 0 });
  return {
    add: (n) => {
      sent += n;
      single.update(sent, { rate: rateOf(sent, startedAt) });
    },
    done: () => {
      single.update(sent, { rate: rateOf(sent, startedAt) });
      single.stop();
    },
  };
}

function lines(line: (text: string) => void, label: string, total: number): Progress {
  const startedAt = performance.now();
  let sent = 0;
  let shown = 0;
  return {
    add: (n) => {
      sent += n;
      const tenth = total === 0 ? 10 : Math.floor((10 * sent) / total);
      // Short steps only say that they are done.
      if (tenth > shown && tenth < 10 && tenth % 5 === 0) line(`  ${label.padEnd(WIDTH)} ${number(sent)} of ${number(total)}`);
      shown = tenth;
    },
    done: (note) => {
      const seconds = (performance.now() - startedAt) / 1_000;
      line(`  ${label.padEnd(WIDTH)} ${number(sent)} in ${seconds.toFixed(1)} s${note === undefined ? '' : `  ${note}`}`);
    },
  };
}

const rateOf = (n: number, startedAt: number): string => number(Math.round(n / Math.max(0.001, (performance.now() - startedAt) / 1_000)));

/** 12,345 */
export function number(n: number | bigint): string {
  return n.toLocaleString('en-US');
}

/** Rows with every column as wide as its widest cell; the first column is text, the others are set to the right. */
export function columns(rows: readonly (readonly string[])[], indent = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) => {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)));
    return `${' '.repeat(indent)}${cells.join('  ')}`.trimEnd();
  });
}
