/**
 * Reading bodies by hand: Hono's `bodyLimit` makes the hot calls three times slower, does not see inflated sizes, and nothing of
 * Hono inflates.
 *
 * The limit counts inflated bytes. A compressed body is collected up to that limit and inflated with `maxOutputLength`, so a
 * bomb costs at most the limit.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { fail } from './errors.ts';

export type HonoEnv = { Bindings: Partial<HttpBindings> };

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);
const brotliAsync = promisify(brotliDecompress);

export type BodyKind = 'json' | 'ndjson';

/** What the body says it is. @throws ApiError 415 when it is neither JSON nor (where allowed) NDJSON, or not UTF-8. */
export function bodyKind(contentType: string | undefined, ndjsonAllowed: boolean): BodyKind {
  if (contentType === undefined || contentType === 'application/json') return 'json';
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.trim().split('=');
    if (name !== 'charset') continue;
    if (!['utf-8', 'utf8', 'us-ascii'].includes(value.replace(/^"|"$/g, ''))) throw fail('unsupported_charset');
  }
  const essence = type.trim();
  if (essence === 'application/json' || /^application\/[a-z0-9.!#$&^_-]+\+json$/.test(essence)) return 'json';
  if (ndjsonAllowed && (essence === 'application/x-ndjson' || essence === 'application/ndjson')) return 'ndjson';
  throw fail('unsupported_media_type', ndjsonAllowed ? { message: 'Send application/json or application/x-ndjson.' } : {});
}

/** The request's body, inflated. @throws ApiError 413, 415 or 400. */
export async function readBytes(c: Context<HonoEnv>, maxBytes: number): Promise<Buffer> {
  const declared = Number(c.req.header('content-length') ?? 0);
  const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const inflateBody = decoder(encoding);
  const incoming = c.env?.incoming;
  const raw =
    incoming && 'rawHeaders' in incoming ? await collect(incoming as IncomingMessage, maxBytes) : Buffer.from(await c.req.arrayBuffer());
  if (raw.length > maxBytes) throw tooLarge(maxBytes);
  if (inflateBody === null) return raw;
  try {
    return await inflateBody(raw, maxBytes);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw fail('malformed_encoding', { cause: error });
  }
}

const tooLarge = (maxBytes: number) =>
  fail('payload_too_large', { message: `The body has more than ${maxBytes} bytes (inflated); send fewer items at a time.` });

function decoder(encoding: string): ((raw: Buffer, maxBytes: number) => Promise<Buffer>) | null {
  switch (encoding) {
    case '':
    case 'identity':
      return null;
    case 'gzip':
    case 'x-gzip':
      return (raw, maxOutputLength) => gunzipAsync(raw, { maxOutputLength });
    case 'deflate':
      // Named after zlib's format (RFC 9110), yet some clients send the bare stream: the two header bytes tell.
      return (raw, maxOutputLength) =>
        raw.length >= 2 && (raw.readUInt8(0) & 0x0f) === 8 && raw.readUInt16BE(0) % 31 === 0
          ? inflateAsync(raw, { maxOutputLength })
          : inflateRawAsync(raw, { maxOutputLength });
    case 'br':
      return (raw, maxOutputLength) => brotliAsync(raw, { maxOutputLength });
    default:
      throw fail('unsupported_encoding');
  }
}

/** Collects a body; what is beyond the limit is not kept (the server drains it, so that the client reads the answer). */
function collect(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // The listeners stay: what comes after the promise was settled changes nothing, and what is too much drains away.
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) reject(tooLarge(maxBytes));
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)));
    incoming.on('error', (error) => reject(brokenOff(error)));
    incoming.on('close', () => {
      if (!incoming.complete) reject(brokenOff());
    });
  });
}

const brokenOff = (cause?: Error) =>
  fail('malformed_encoding', { message: 'The connection was closed before the body ended.', ...(cause ? { cause } : {}) });

/** Bytes as text; a byte order mark is dropped. @throws ApiError 400 when they are not UTF-8. */
export function utf8Text(bytes: Buffer): string {
  // Buffer.toString would put U+FFFD in the place of what is not UTF-8, and so change data silently.
  if (!isUtf8(bytes)) throw fail('invalid_utf8');
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** @throws ApiError 400 `malformed_json` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail('malformed_json', { cause: error });
  }
}

/** The non-empty lines of NDJSON, parsed; `undefined` stands for a line that is no JSON. Reads at most `maxLines + 1` lines. */
export function parseNdjson(text: string, maxLines: number): unknown[] {
  const values: unknown[] = [];
  for (let start = 0; start < text.length && values.length <= maxLines; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === '') continue;
    try {
      values.push(JSON.parse(line));
    } catch {
      // Reported per item: the caller makes `malformed_json` of it, and the other lines are accepted.
      values.push(undefined);
    }
  }
  return values;
}
