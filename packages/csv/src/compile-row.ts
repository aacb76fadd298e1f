/** Cells → a contact as `contacts.upsert` takes it. Compiled once per import, run for every row. */
import { contactField, type JsonObject, type JsonValue, trimText } from '@muster/domain';
import type { Mapping } from './mapping.ts';
import type { ColumnFormat, ColumnFormats } from './values/column-formats.ts';
import { parseDate } from './values/date.ts';
import { parseNumber } from './values/number.ts';

export type RowOptions = {
  /** What an empty cell does: `keep` the value there is, or `clear` it. Cells that a short row lacks always keep. */
  empty_cells: 'keep' | 'clear';
  /** A person's formats over {@link detectFormats}'s: see {@link mergeFormats}. */
  column_formats?: ColumnFormats;
  /** IANA name: midnight of bare dates, and times without an offset. */
  timezone: string;
};

export type CellFault = {
  /** 0-based column. */
  column: number;
  field: string;
  code: 'required' | 'invalid_number' | 'ambiguous_number' | 'invalid_datetime' | 'ambiguous_date' | 'invalid_json';
  message: string;
};

export type RowResult = { ok: true; contact: JsonObject } | { ok: false; faults: CellFault[] };

export type CompiledRow = {
  /** The contact of a row, or every fault of its cells. Rules of the fields themselves are `normaliseContact`'s. */
  read(cells: readonly string[]): RowResult;
  /** Column of a field, for faults that name the field; null when it has none. */
  columnOf(field: string): number | null;
};

type Read = { value: JsonValue } | { code: CellFault['code'] };
type Column = { index: number; field: string; clear: boolean; verbatim: boolean; read: (text: string) => Read };

/**
 * Compiles a mapping.
 *
 * @param mapping one that {@link validateMapping} finds nothing wrong with
 */
export function compileRow(mapping: Mapping, options: RowOptions): CompiledRow {
  const columns = Object.entries(mapping).flatMap(([key, field]) => (field === null ? [] : [compileColumn(Number(key), field, options)]));
  columns.sort((a, b) => a.index - b.index);
  return {
    read: (cells) => readRow(columns, cells),
    columnOf: (field) => columns.find((column) => column.field === field)?.index ?? null,
  };
}

function readRow(columns: readonly Column[], cells: readonly string[]): RowResult {
  const contact: JsonObject = {};
  let faults: CellFault[] | undefined;
  for (const column of columns) {
    const cell = cells[column.index];
    if (cell === undefined) {
      if (column.field === 'email') faults = withFault(faults, column, 'required');
      continue;
    }
    const text = column.verbatim ? cell : trimText(cell);
    if (text === '') {
      if (column.field === 'email') faults = withFault(faults, column, 'required');
      else if (column.clear) contact[column.field] = null;
      continue;
    }
    const read = column.read(text);
    if ('code' in read) faults = withFault(faults, column, read.code);
    else contact[column.field] = read.value;
  }
  return faults === undefined ? { ok: true, contact } : { ok: false, faults };
}

function withFault(faults: CellFault[] | undefined, { index, field }: Column, code: CellFault['code']): CellFault[] {
  const all = faults ?? [];
  all.push({ column: index, field, code, message: messageOf(code, index) });
  return all;
}

function compileColumn(index: number, field: string, options: RowOptions): Column {
  const format = options.column_formats?.[index] ?? {};
  const rule = field === 'created_at' ? 'datetime' : contactField(field)?.rule;
  return {
    index,
    field,
    // created_at cannot be removed: clearing it would only make a warning in every row.
    clear: options.empty_cells === 'clear' && field !== 'created_at',
    verbatim: rule === 'verbatim',
    read: readerOf(rule, format, options.timezone),
  };
}

function readerOf(rule: string | undefined, format: ColumnFormat, timezone: string): (text: string) => Read {
  switch (rule) {
    case 'number': {
      const decimal = format.decimal ?? null;
      return (text) => {
        const number = parseNumber(text, decimal);
        return number.ok ? { value: number.value } : { code: number.code };
      };
    }
    case 'datetime': {
      const order = format.date ?? null;
      return (text) => {
        const date = parseDate(text, order, timezone);
        return date.ok ? { value: date.iso } : { code: date.code };
      };
    }
    case 'json':
      return readJson;
    default:
      return (text) => ({ value: text });
  }
}

function readJson(text: string): Read {
  try {
    const value: JsonValue = JSON.parse(text);
    return { value };
  } catch {
    return { code: 'invalid_json' };
  }
}

function messageOf(code: CellFault['code'], column: number): string {
  switch (code) {
    case 'required':
      return 'The row has no email address; add one.';
    case 'invalid_number':
      return 'This is not a number, or not one in the format of the column; write it like 1234.5.';
    case 'ambiguous_number':
      return `This can be read as two numbers; say which mark is the decimal one: column_formats {"${column}": {"decimal": ","}} or ".".`;
    case 'invalid_datetime':
      return 'This is not an existing date or time, or not one in the format of the column; write it like 2024-12-31 or 2024-12-31T23:59:00Z.';
    case 'ambiguous_date':
      return `Day and month can be told apart in two ways; say which comes first: column_formats {"${column}": {"date": "dmy"}} or "mdy".`;
    case 'invalid_json':
      return 'This is not JSON; write an object or an array.';
  }
}
