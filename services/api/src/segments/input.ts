/** Bodies of segments.create, .update and .preview: their schemas, and reading them with every fault at once. */
import { canonicalTimeZone, type Issue, issuesOfZodError, isTimeZone, storableText } from '@muster/domain';
import { type Node, parseTree, segmentIdSchema } from '@muster/segments';
import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { type ApiRequest, readObject } from '../http/endpoint.ts';
import { type ApiError, type ErrorDetail, fail } from '../http/errors.ts';
import { unknownFields } from '../http/fields.ts';

type Body = Record<string, unknown>;

const name = storableText(255)
  .refine((value) => value.trim() !== '', { error: 'must not be empty' })
  .describe('Name shown to people');
const color = storableText(32).nullable().optional().describe('Any short text; null removes it');
/** Longer text is no zone's name, and is not worth being remembered as such. */
const MAX_ZONE = 64;
const timezone = z
  .string()
  .refine((value) => value.length <= MAX_ZONE && isTimeZone(value), { error: 'must be an IANA time zone like Europe/Berlin' })
  .optional()
  .describe('IANA time zone in which days are days; default: that of the workspace');

/** Compact JSON. What a tree asks for travels in one statement, which the stores take up to a size. */
const MAX_TREE_BYTES = 262_144;
/** Laid out for people a tree may be larger. */
const MAX_BODY_BYTES = 524_288;
/** Elements of all arrays: each may be a fault, and a hundred thousand of them keep the process busy for seconds. */
const MAX_TREE_VALUES = 10_000;
const MAX_FAULTS = 1_000;

export const MAX_PREVIEW_CONTACTS = 100;
export const DEFAULT_PREVIEW_CONTACTS = 10;

/** What a body has beside its tree, which has rules of its own ({@link parseTree}). */
export const createFields = z.object({ id: segmentIdSchema, name, color, timezone });
export const updateFields = z.object({ id: segmentIdSchema, name: name.optional(), color, timezone });
export const previewFields = z.object({
  timezone,
  limit: z
    .number()
    .int()
    .min(1)
    .max(MAX_PREVIEW_CONTACTS)
    .optional()
    .describe(`Contacts in the answer, default ${DEFAULT_PREVIEW_CONTACTS}`),
});
export const segmentIdFields = z.object({ id: segmentIdSchema });

/** A body of a call on segments. @throws ApiError 400, 413, 415 or 422 */
export async function readBody(deps: ApiDeps, request: ApiRequest): Promise<Body> {
  const { body, bytes } = await readObject(deps, request);
  if (bytes > MAX_BODY_BYTES || hasMoreValues(body.tree, MAX_TREE_VALUES)) throw invalidTree([TOO_LARGE]);
  return body;
}

/** Whether the arrays of a value have more elements together; no recursion, because it may be nested as deep as a body allows. */
function hasMoreValues(value: unknown, most: number): boolean {
  const waiting: unknown[] = [value];
  let elements = 0;
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) elements += next.length;
    if (elements > most) return true;
    for (const inner of Object.values(next)) waiting.push(inner);
  }
  return false;
}

/** The zone that is named, as the time zone database writes it; undefined when none is, or none that exists. */
export const zoneOf = ({ timezone: given }: { timezone?: unknown }): string | undefined =>
  typeof given === 'string' && given.length <= MAX_ZONE ? (canonicalTimeZone(given) ?? undefined) : undefined;

/**
 * The fields of a body but its tree.
 *
 * @param treeZone the body has a tree, too, of which days are days in this zone: its faults are told along with those of the fields
 * @throws ApiError 422
 */
export function readFields<T extends z.ZodObject>(body: Body, schema: T, treeZone?: string): { fields: z.infer<T>; warnings: Issue[] } {
  const known = Object.keys(schema.shape);
  const warnings = unknownFields(body, treeZone === undefined ? known : [...known, 'tree']);
  const parsed = schema.safeParse(body);
  if (parsed.success) return { fields: parsed.data, warnings };
  const tree = treeZone === undefined ? null : parseTree(body.tree, treeZone);
  throw invalidTree([...detailsOf(parsed.error), ...(tree && !tree.ok ? tree.faults : [])]);
}

/** @throws ApiError 422 with every fault of the tree */
export function requireTree(input: unknown, zone: string): Node {
  const parsed = parseTree(input, zone);
  if (!parsed.ok) throw invalidTree(parsed.faults);
  if (Buffer.byteLength(JSON.stringify(parsed.tree)) > MAX_TREE_BYTES) throw invalidTree([TOO_LARGE]);
  return parsed.tree;
}

const TOO_LARGE = {
  ...{ path: 'tree', code: 'too_large' },
  message: `A tree has at most ${MAX_TREE_BYTES} bytes and ${MAX_TREE_VALUES} values.`,
};
const invalidTree = (faults: readonly ErrorDetail[]): ApiError => fail('validation_failed', { details: faults.slice(0, MAX_FAULTS) });

function detailsOf(error: z.ZodError): ErrorDetail[] {
  return issuesOfZodError(error).map(({ field, code, message }) => ({
    field,
    path: field,
    code: field === 'timezone' && code === 'invalid_value' ? 'invalid_timezone' : code,
    message,
  }));
}
