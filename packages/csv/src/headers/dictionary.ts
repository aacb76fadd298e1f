/**
 * Headers that name a field of a contact. The JSON files hold them as people and tools write them, per field, the more specific
 * first: `[["job title"], ["title"], ["role"]]`. Only whole headers match, so look-alikes (`E-mail 1 - Type`, `Email Status`) do not.
 */
import { CONTACT_FIELDS } from '@muster/domain';
import ambiguous from './ambiguous.json' with { type: 'json' };
import english from './english.json' with { type: 'json' };
import { foldHeader } from './fold.ts';
import french from './french.json' with { type: 'json' };
import german from './german.json' with { type: 'json' };
import italian from './italian.json' with { type: 'json' };
import portuguese from './portuguese.json' with { type: 'json' };
import spanish from './spanish.json' with { type: 'json' };
import tools from './tools.json' with { type: 'json' };

/** Every field that a column can be mapped to. */
export const IMPORT_FIELDS: readonly string[] = ['email', 'external_id', ...CONTACT_FIELDS, 'created_at'];

/** `rank` 0 is the most specific of a field's headers. */
export type HeaderMatch = { field: string; rank: number };

type Aliases = Record<string, string[][]>;

/** In the order of precedence, should two of them know the same header. */
const SOURCES: Aliases[] = [tools, english, german, french, spanish, portuguese, italian];

const TABLE = buildTable();
const AMBIGUOUS: ReadonlySet<string> = new Set(ambiguous);

function buildTable(): Map<string, HeaderMatch> {
  const table = new Map<string, HeaderMatch>();
  // Our own export names its columns by their fields.
  for (const field of IMPORT_FIELDS) table.set(foldHeader(field), { field, rank: 0 });
  for (const source of SOURCES) {
    for (const [field, ranks] of Object.entries(source)) {
      for (const [rank, headers] of ranks.entries()) {
        for (const header of headers) {
          const key = foldHeader(header);
          if (!table.has(key)) table.set(key, { field, rank });
        }
      }
    }
  }
  return table;
}

/** The field that a header names, or undefined. */
export function matchHeader(header: string): HeaderMatch | undefined {
  return TABLE.get(foldHeader(header));
}

/** `Name` and its like: a first, last or full name, depending on which of the others the file has. */
export function isAmbiguousName(header: string): boolean {
  return AMBIGUOUS.has(foldHeader(header));
}
