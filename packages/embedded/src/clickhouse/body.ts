import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { badArguments, notImplemented, tooLarge } from './exceptions.ts';

/** The body without its `Content-Encoding`. @throws ClickHouseException for an encoding this front does not know. */
export function inflated(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' || encoding === '') return request;
  const decoder = decoderOf(encoding);
  // pipe() does not carry a failure of the source over: without this a client that vanishes would leave us waiting.
  request.once('error', (error) => decoder.destroy(error));
  request.once('close', () => {
    if (!request.complete) decoder.destroy(new Error('The client went away while sending'));
  });
  return request.pipe(decoder);
}

function decoderOf(encoding: string): ReturnType<typeof createGunzip> {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw notImplemented(`The local ClickHouse does not support Content-Encoding: ${encoding}`);
  }
}

/** The whole of a stream. @throws ClickHouseException above `max` bytes or when the stream breaks. */
export async function readAll(stream: Readable, max: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of buffers(stream)) {
    size += piece.length;
    if (size > max) throw tooLarge(`The request's body is larger than ${max} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** A stream's pieces as buffers, its failures as exceptions. */
async function* buffers(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream) yield Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece));
  } catch (error) {
    throw badArguments(`The request's body could not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Rows are cut into pieces of about this size, so that a long stream needs little memory. */
const BLOCK_BYTES = 32 * 1024 * 1024;
const ROWS_BYTES_MAX = 1024 * 1024 * 1024;

/** How each format whose rows can be cut ends one row and begins the next. */
const CUTS: Readonly<Record<string, string>> = {
  JSONEachRow: '}\n{',
  JSONCompactEachRow: ']\n[',
  TabSeparated: '\n',
  TSV: '\n',
};

/**
 * Cuts the rows of an insert into blocks of whole rows, each at least `blockBytes` but for the last. As on a server, an
 * insert larger than one block is not atomic. Formats that cannot be cut come as one block of at most 1 GiB.
 *
 * The cut is safe because none of these formats has a raw newline inside a value.
 */
export async function* blocks(rows: Readable, format: string, blockBytes = BLOCK_BYTES): AsyncGenerator<Buffer> {
  const cut = CUTS[format];
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of buffers(rows)) {
    pieces.push(piece);
    size += piece.length;
    if (cut !== undefined && size >= blockBytes) {
      const all = Buffer.concat(pieces, size);
      const at = all.lastIndexOf(cut);
      if (at >= 0) {
        const end = at + cut.indexOf('\n') + 1;
        yield all.subarray(0, end);
        pieces = [all.subarray(end)];
        size = all.length - end;
        continue;
      }
      pieces = [all];
    }
    if (size > ROWS_BYTES_MAX) throw tooLarge(`The rows of one block are larger than ${ROWS_BYTES_MAX} bytes`);
  }
  if (size > 0) yield Buffer.concat(pieces, size);
}
