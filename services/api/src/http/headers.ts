/** Request headers with a grammar of their own: Prefer, Idempotency-Key, X-Request-Id, Authorization. */
import { randomUUID } from 'node:crypto';
import { fail } from './errors.ts';

export const MAX_WAIT_SECONDS = 30;

/** Seconds of `Prefer: wait=N`, or null. Other preferences are ignored (RFC 7240). @throws ApiError 400 `invalid_prefer` */
export function waitSeconds(prefer: string | undefined): number | null {
  if (prefer === undefined) return null;
  for (const preference of prefer.split(',')) {
    const [name = '', value] = (preference.split(';')[0] ?? '').split('=');
    if (name.trim().toLowerCase() !== 'wait') continue;
    const text = value?.trim().replace(/^"(.*)"$/, '$1') ?? '';
    const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (seconds < 1 || seconds > MAX_WAIT_SECONDS) throw fail('invalid_prefer');
    return seconds;
  }
  return null;
}

/** The Idempotency-Key, or null. @throws ApiError 400 `invalid_idempotency_key` */
export function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (!/^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(header)) throw fail('invalid_idempotency_key');
  return header;
}

const SAFE_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The caller's X-Request-Id when it is safe to log, else a new one. */
export function requestIdOf(header: string | undefined): string {
  return header !== undefined && SAFE_ID.test(header) ? header : randomUUID();
}

/** The key of `Bearer <key>` or of Basic (user name), or null. */
export function keyOf(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  const bearer = /^bearer +([\x21-\x7e]{1,512}) *$/i.exec(authorization)?.[1];
  if (bearer !== undefined) return bearer;
  const basic = /^basic +([A-Za-z0-9+/_=-]{1,1024}) *$/i.exec(authorization)?.[1];
  if (basic === undefined) return null;
  const user = Buffer.from(basic, 'base64').toString('utf8').split(':')[0] ?? '';
  return /^[\x21-\x7e]{1,512}$/.test(user) ? user : null;
}
