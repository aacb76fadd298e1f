/** Columns → the fields they most likely hold. */
import { contactField } from '@muster/domain';
import { type HeaderMatch, isAmbiguousName, matchHeader } from './headers/dictionary.ts';
import { type ColumnType, columnType } from './values/column-type.ts';

export type SuggestedColumn = {
  /** 0-based. */
  index: number;
  /** `""` where the file names no columns. */
  header: string;
  /** Name of a field; null: leave the column out. */
  suggestion: string | null;
  /** 0…1; 0 where nothing is suggested. */
  confidence: number;
  type: ColumnType;
  /** The first values that are not empty. */
  samples: string[];
};

const SHOWN_SAMPLES = 5;
const BY_RANK = [1, 0.9, 0.75, 0.6];
/** Found by the look of the values alone. */
const BY_TYPE: Partial<Record<ColumnType, { field: string; confidence: number }>> = {
  email: { field: 'email', confidence: 0.9 },
  phone: { field: 'phone', confidence: 0.6 },
};

/**
 * Suggests a field per column, each field once: the more specific header wins, then the leftmost.
 *
 * @param headers one per column; all empty where the file has no header
 * @param rows the first rows
 */
export function suggestMapping(headers: readonly string[], rows: readonly (readonly string[])[]): SuggestedColumn[] {
  const types = headers.map((_, index) => columnType(rows.map((row) => row[index] ?? '')));
  const named = headers.some((header) => header.trim() !== '');
  const chosen = named ? chooseByHeader(headers) : chooseByType(types);
  return headers.map((header, index) => {
    const type = types[index] ?? 'empty';
    const choice = chosen.get(index);
    return {
      index,
      header,
      suggestion: choice?.field ?? null,
      confidence: choice === undefined ? 0 : fitsType(choice.field, type) ? choice.confidence : choice.confidence / 2,
      type,
      samples: rows.flatMap((row) => (row[index]?.trim() ? [row[index]] : [])).slice(0, SHOWN_SAMPLES),
    };
  });
}

type Choice = { field: string; confidence: number };

function chooseByHeader(headers: readonly string[]): Map<number, Choice> {
  const winners = new Map<string, { index: number; rank: number }>();
  const offer = (index: number, { field, rank }: HeaderMatch): void => {
    const best = winners.get(field);
    if (best === undefined || rank < best.rank) winners.set(field, { index, rank });
  };
  for (const [index, header] of headers.entries()) {
    const match = matchHeader(header);
    if (match !== undefined) offer(index, match);
  }
  const name = headers.findIndex(isAmbiguousName);
  if (name !== -1) {
    const field = nameField(winners.has('first_name'), winners.has('last_name'));
    if (!winners.has(field)) offer(name, { field, rank: 0 });
  }
  return new Map([...winners].map(([field, { index, rank }]) => [index, { field, confidence: BY_RANK[rank] ?? 0.5 }]));
}

/** `Name` beside `Vorname` is the last name, beside `Last name` the first; alone, or beside both, the full one. */
function nameField(hasFirst: boolean, hasLast: boolean): string {
  if (hasFirst === hasLast) return 'full_name';
  return hasFirst ? 'last_name' : 'first_name';
}

function chooseByType(types: readonly ColumnType[]): Map<number, Choice> {
  const chosen = new Map<number, Choice>();
  const taken = new Set<string>();
  for (const [index, type] of types.entries()) {
    const choice = BY_TYPE[type];
    if (choice === undefined || taken.has(choice.field)) continue;
    taken.add(choice.field);
    chosen.set(index, choice);
  }
  return chosen;
}

/** Whether the values contradict the header. They never overrule it: a file of nothing but bad addresses still names its column. */
function fitsType(field: string, type: ColumnType): boolean {
  if (type === 'empty') return true;
  if (field === 'email') return type === 'email';
  if (field === 'phone') return type === 'phone' || type === 'number';
  if (field === 'created_at') return type === 'datetime';
  switch (contactField(field)?.rule) {
    case 'number':
      return type === 'number';
    case 'datetime':
      return type === 'datetime';
    case 'json':
      return type === 'json';
    default:
      return type !== 'email';
  }
}
