/** Building blocks of the request schemas. */
import { z } from 'zod';
import { isLongerThan } from './text.ts';
import { isTimeZone } from './timezone.ts';

// NUL and, by the u flag, surrogates without a partner.
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Text of at most `max` code points (zod's own `max` counts UTF-16 units) that every store can hold. */
export function storableText(max: number): z.ZodString {
  return z
    .string()
    .refine((value) => !isLongerThan(value, max), {
      error: `has at most ${max} characters; send a shorter one`,
      params: { code: 'too_long' },
    })
    .refine((value) => !UNSTORABLE.test(value), {
      error: 'holds a NUL or an unpaired surrogate; remove it',
      params: { code: 'invalid_characters' },
    });
}

/** IANA time zone. */
export const timezoneSchema = z
  .string()
  .refine(isTimeZone, { error: 'must be an IANA time zone like Europe/Berlin' })
  .describe('IANA time zone, e.g. `Europe/Berlin`');

/** A time as answered and stored: RFC 3339 UTC with milliseconds. */
export const timeSchema = z.string().describe('RFC 3339, UTC, milliseconds');
