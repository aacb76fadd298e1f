/** Cursors: opaque to clients, checked on their way back, because what is in them goes into statements. */
import { z } from 'zod';
import { fail } from './errors.ts';

/** A cursor's text for a keyset position. */
export function encodeCursor(position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position in a cursor, or null when there is none. @throws ApiError 400 `invalid_cursor` */
export function decodeCursor<T extends z.ZodType>(cursor: string | undefined, schema: T): z.infer<T> | null {
  if (cursor === undefined || cursor === '') return null;
  if (!/^[A-Za-z0-9_-]{1,4096}$/.test(cursor)) throw fail('invalid_cursor');
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    throw fail('invalid_cursor', { cause: error });
  }
  const parsed = schema.safeParse(decoded);
  if (!parsed.success) throw fail('invalid_cursor');
  return parsed.data;
}

/** `[contact_id]` */
export const contactCursor = z.tuple([z.number().int().min(0).max(2_147_483_647)]);
/** `[import_id]` */
export const importCursor = z.tuple([z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)]);
/** `[rejection_id]` */
export const rejectionCursor = z.tuple([z.string().regex(/^\d{1,18}$/)]);
/** `[segment_uid, base epoch, epoch, issued at ms, at ms or '', contact_id]` */
export const memberCursor = z.tuple([
  z.number().int().min(1).max(2_147_483_647),
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.number().int().min(0).max(1e14),
  z.string().regex(/^(-?\d{1,14})?$/),
  z.number().int().min(0).max(2_147_483_647),
]);
/** `[occurred_at ms, recorded_at µs, ord, id]` */
export const timelineCursor = z.tuple([
  z.number().int().min(-1e13).max(1e14),
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.number().int().min(0).max(4_294_967_295),
  z.string().max(1_000),
]);
