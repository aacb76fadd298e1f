/** What is shown of an import besides its progress. */
import type { Import, Preview } from './api.ts';

export const number = (n: number): string => n.toLocaleString('en-US');

export function bytes(n: number): string {
  if (n < 1_000) return `${n} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = n / 1_000;
  let unit = 0;
  for (; value >= 1_000 && unit < units.length - 1; unit += 1) value /= 1_000;
  return `${value.toFixed(1)} ${units[unit]}`;
}

export function seconds(n: number): string {
  if (n < 60) return `${Math.ceil(n)} s`;
  const minutes = Math.floor(n / 60);
  return minutes < 60 ? `${minutes} min ${Math.ceil(n % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const WIDE = 28;
// Control characters of a file would steer the terminal.
const plain = (text: string): string => {
  const clean = text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return clean.length > WIDE ? `${clean.slice(0, WIDE - 1)}…` : clean;
};

/** The columns, what they are taken for, and a value of each. */
export function mappingLines(preview: Preview, mapping: Readonly<Record<string, string | null>>): string[] {
  const rows = preview.columns.map((column) => {
    const field = mapping[column.index] ?? null;
    const sure = field !== null && field === column.suggestion ? `${Math.round(column.confidence * 100)} %` : '';
    return [String(column.index), plain(column.header) || '–', field ?? '(ignored)', sure, plain(column.samples[0] ?? '')];
  });
  const table = [['#', 'column', 'field', 'sure', 'for instance'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  return table.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}

export function countLines({ records, counts, memberships }: Import): string[] {
  const rows: [string, number][] = [['records', records], ...Object.entries(counts)];
  for (const [outcome, n] of Object.entries(memberships)) rows.push([`lists: ${outcome}`, n]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const wide = Math.max(...rows.map(([, n]) => number(n).length));
  return rows.map(([name, n]) => `  ${name.padEnd(width)}  ${number(n).padStart(wide)}`);
}
