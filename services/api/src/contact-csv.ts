/** A contact as a row of CSV: every field that can be set, in columns that an import maps by itself, with values that it reads as they are. */
import { csvRow, IMPORT_FIELDS } from '@muster/csv';
import type { ContactRow } from '@muster/postgres';

export const contactCsvHeader = (): string => csvRow(IMPORT_FIELDS);

export function contactCsvRow(row: ContactRow): string {
  return csvRow(IMPORT_FIELDS.map((field) => cell(fieldOf(row, field))));
}

function fieldOf(row: ContactRow, field: string): unknown {
  switch (field) {
    case 'email':
      return row.email;
    case 'external_id':
      return row.external_id;
    case 'created_at':
      return row.created_at;
    default:
      return row.fields[field];
  }
}

/** An empty text and no value are both an empty cell, which keeps what there is. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
