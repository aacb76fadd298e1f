/** Bodies of imports.create and .start: their schemas, and what a start means for the file that it names. */
import {
  columnFormatsSchema,
  type Dialect,
  detectFormats,
  type ImportOptions,
  type Mapping,
  mappingSchema,
  mergeFormats,
  type SuggestedColumn,
  suggestedMapping,
  validateMapping,
} from '@muster/csv';
import { contactField, issuesOfZodError, normaliseCountry, storableText } from '@muster/domain';
import type { KeyGrant } from '@muster/postgres';
import { z } from 'zod';
import { type ErrorDetail, fail, invalid } from '../http/errors.ts';
import type { Head } from './head.ts';

const flag = z.boolean().optional();

export const createFields = z.object({
  file_name: storableText(255)
    .refine((value) => value.trim() !== '', { error: 'must not be empty' })
    .describe('Name shown to people'),
  size: z
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .nullish()
    .transform((value) => value ?? undefined)
    .describe('Bytes of the file; what is uploaded must have exactly that many'),
  sha256: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .nullish()
    .transform((value) => value ?? undefined)
    .describe('SHA-256 of the file, in hex: what is uploaded must have it; an import that has it already is answered instead'),
  force: flag.describe('Create it although the same file is being imported, or was'),
});

export const startFields = z.object({
  mapping: mappingSchema
    .nullish()
    .transform((value) => value ?? undefined)
    .describe(
      'Field by column index: `{"0": "email", "3": null}`; a column that is null or left out is ignored. Left out: the suggestions',
    ),
  empty_cells: z.enum(['keep', 'clear']).optional().describe('What an empty cell does to the value there is; default `keep`'),
  duplicates: z
    .enum(['last', 'first'])
    .optional()
    .describe('Which of several valid rows with one address is applied; default `last`. The others count as `duplicate`'),
  default_country: z
    .string()
    .nullish()
    .transform((value) => value ?? undefined)
    .describe("Country of phone numbers in rows that have none; default: the workspace's"),
  column_formats: columnFormatsSchema.nullish().transform((value) => value ?? undefined),
  dry_run: flag.describe('Count what would happen, change nothing'),
  force: flag.describe('Start it although the same file is being imported, or was'),
});

/** The fields of a body. @throws ApiError 422 with every fault */
export function readFields<T extends z.ZodObject>(body: Record<string, unknown>, schema: T): z.infer<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw fail('validation_failed', { details: issuesOfZodError(parsed.error) });
}

export type StartFields = z.infer<typeof startFields>;

/** What to do with a file that begins like this. @throws ApiError 422 with every fault of the mapping */
export function planImport(head: Head, fields: StartFields, grant: KeyGrant): { mapping: Mapping; options: ImportOptions } {
  const mapping = planMapping(head, fields.mapping);
  const given = fields.column_formats ?? {};
  const unknown = Object.keys(given).filter((column) => Number(column) >= head.columns.length);
  if (unknown.length > 0) {
    const message = `The file has ${head.columns.length} columns, numbered from 0; this is none of them.`;
    throw fail('validation_failed', { details: unknown.map((c) => ({ field: `column_formats.${c}`, code: 'unknown_column', message })) });
  }
  return {
    mapping,
    options: {
      empty_cells: fields.empty_cells ?? 'keep',
      duplicates: fields.duplicates ?? 'last',
      default_country: countryOf(fields.default_country) ?? grant.country,
      column_formats: mergeFormats(detectFormats(evidence(head, mapping)), given),
      timezone: grant.timezone,
    },
  };
}

function planMapping({ columns, dialect }: Head, given: Mapping | undefined): Mapping {
  const mapping = given ?? suggestedMapping(columns);
  // An empty file has nothing to map: it is imported as what it is.
  if (isEmptyFile(dialect)) return {};
  const details = validateMapping(mapping, columns.length).map(
    ({ column, code, message }): ErrorDetail => ({ field: column === null ? 'mapping' : `mapping.${column}`, code, message }),
  );
  if (details.length === 0) return mapping;
  throw fail(details.some((d) => d.code === 'email_not_mapped') ? 'email_not_mapped' : 'validation_failed', { details });
}

const isEmptyFile = (dialect: Dialect): boolean => dialect.columns === null;

/**
 * Samples by column, of those columns that can tell how numbers and dates are written: a text that happens to be `1,50` says nothing about
 * the numbers beside it.
 */
function evidence({ columns, rows }: Head, mapping: Mapping): string[][] {
  const tells = ({ index }: SuggestedColumn): boolean => {
    const field = mapping[index] ?? null;
    const rule = field === null ? undefined : contactField(field)?.rule;
    return field === null || field === 'created_at' || rule === 'number' || rule === 'datetime';
  };
  return columns.map((column) => (tells(column) ? rows.flatMap(({ cells }) => cells[column.index] ?? []) : []));
}

function countryOf(given: string | undefined): string | null {
  if (given === undefined) return null;
  const country = normaliseCountry(given);
  if (country === null) throw invalid('default_country', 'invalid_value', 'default_country is an ISO 3166-1 code or an English name.');
  return country;
}
