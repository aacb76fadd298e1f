/** Where the local stack talks to a person. Lines only; colours are left to the terminal's own theme. */
export interface Terminal {
  /** Writes one line. */
  line(text: string): void;
}

/** Writes to the process's standard output. A closed pipe (`make start | head`) must not take the stack down. */
export function stdoutTerminal(): Terminal {
  process.stdout.on('error', (error: Error) => {
    if (!('code' in error) || error.code !== 'EPIPE') throw error;
  });
  return { line: (text) => void process.stdout.write(`${text}\n`) };
}

/** Says nothing: the default of the library, so that tests stay quiet. */
export const silentTerminal: Terminal = { line: () => {} };

/** Rows of label and value with the values aligned in one column. */
export function table(rows: readonly (readonly [label: string, value: string])[]): string[] {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
}
