/** Which column goes to which field, as a person or the suggestions say. */
import { z } from 'zod';
import { IMPORT_FIELDS } from './headers/dictionary.ts';
import type { SuggestedColumn } from './suggest-mapping.ts';

export const mappingSchema = z
  .record(z.string(), z.string().nullable())
  .describe('Field by column index: `{"0": "email", "3": null}`; a column that is null or left out is ignored');

export type Mapping = z.infer<typeof mappingSchema>;

export type MappingFault = {
  code: 'unknown_column' | 'unknown_field' | 'field_mapped_twice' | 'email_not_mapped';
  /** Key of the mapping; null where no single column is to blame. */
  column: string | null;
  message: string;
};

const FIELDS: ReadonlySet<string> = new Set(IMPORT_FIELDS);

/** The suggestions as a mapping. */
export function suggestedMapping(columns: readonly SuggestedColumn[]): Mapping {
  return Object.fromEntries(columns.map((column) => [String(column.index), column.suggestion]));
}

/**
 * Every fault of a mapping.
 *
 * @param columns how many the file has
 */
export function validateMapping(mapping: Mapping, columns: number): MappingFault[] {
  const faults: MappingFault[] = [];
  const taken = new Set<string>();
  for (const [column, field] of Object.entries(mapping)) {
    if (!/^(?:0|[1-9]\d{0,5})$/.test(column) || Number(column) >= columns) {
      faults.push({ code: 'unknown_column', column, message: `The file has ${columns} columns, numbered from 0; this is none of them.` });
    }
    if (field === null) continue;
    if (!FIELDS.has(field)) {
      faults.push({ code: 'unknown_field', column, message: `There is no such field; use one of ${IMPORT_FIELDS.join(', ')}, or null.` });
    } else if (taken.has(field)) {
      faults.push({ code: 'field_mapped_twice', column, message: `${field} is mapped to another column already; map each field once.` });
    }
    taken.add(field);
  }
  if (!taken.has('email')) {
    faults.push({ code: 'email_not_mapped', column: null, message: 'No column is mapped to email; map the one with the addresses.' });
  }
  return faults;
}
