/**
 * Writes the table of configuration into docs/operating.md, between its markers, from the schemas that the services start with.
 *
 * Usage: tsx scripts/config-table.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { adminSchema, apiSchema, boardSchema, segmenterSchema, workerSchema } from '../packages/runtime/src/config.ts';

export const DOCUMENT = new URL('../docs/operating.md', import.meta.url);
const BEGIN = '<!-- configuration: written by scripts/config-table.ts -->';
const END = '<!-- end of configuration -->';

const SCHEMAS = { api: apiSchema, worker: workerSchema, segmenter: segmenterSchema, board: boardSchema, admin: adminSchema };

/** What of a zod schema is read here. */
type Field = {
  description?: string | undefined;
  def: { type: string; defaultValue?: unknown; innerType?: unknown; in?: unknown };
};
type Row = { name: string; standard: string; usedBy: string[]; meaning: string };

const isField = (value: unknown): value is Field => typeof value === 'object' && value !== null && 'def' in value;

/** The default as it is written in the environment: a value in code marks, `required`, or a dash for a variable that may be absent. */
function standardOf(field: Field): string {
  if (field.def.type === 'default') return field.def.defaultValue === '' ? '–' : `\`${String(field.def.defaultValue)}\``;
  if (field.def.type === 'optional') return '–';
  const inner = field.def.in ?? field.def.innerType;
  return field.def.type === 'pipe' && isField(inner) ? standardOf(inner) : 'required';
}

function collect(): Row[] {
  const rows = new Map<string, Row>();
  for (const [service, schema] of Object.entries(SCHEMAS)) {
    for (const [name, field] of Object.entries(schema.shape)) {
      if (!isField(field)) throw new Error(`${name} is no zod schema`);
      const row = rows.get(name) ?? { name, standard: standardOf(field), usedBy: [], meaning: field.description ?? '' };
      row.usedBy.push(service);
      rows.set(name, row);
    }
  }
  return [...rows.values()];
}

/** The table in Markdown: first what all share, then each service's own. */
export function configTable(): string {
  const all = Object.keys(SCHEMAS).length;
  const rows = collect().sort((a, b) => b.usedBy.length - a.usedBy.length);
  const lines = rows.map((row) => {
    const usedBy = row.usedBy.length === all ? 'all' : row.usedBy.join(', ');
    return `| \`${row.name}\` | ${row.standard} | ${usedBy} | ${row.meaning.replaceAll('|', '\\|')} |`;
  });
  return ['| variable | default | used by | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

/** The document with its table brought up to date. @throws Error when the markers are missing. */
export function withTable(document: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/operating.md needs the lines "${BEGIN}" and "${END}"`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${configTable()}\n\n${document.slice(end)}`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8')));
