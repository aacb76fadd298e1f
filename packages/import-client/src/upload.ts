/** The tus 1.0 protocol, as much of it as sending one file takes: ask where to go on, send a piece, and so forth. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ApiClient } from './api.ts';
import { ApiError, ClientError } from './errors.ts';

const PIECE_BYTES = 8 * 1024 * 1024;
const TUS = { 'tus-resumable': '1.0.0' };
const FURTHER = new Set(['upload_offset_mismatch', 'import_not_uploading']);
/** Pieces in a row that another writer, or a lost answer, may have made useless. */
const MAX_MISSES = 5;

/** Sends what is missing of a file. @param moved told where it is, first where it goes on */
export async function uploadFile(api: ApiClient, url: string, path: string, moved: (offset: number) => void): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let offset = await offsetOf(api, url);
    moved(offset);
    for (let misses = 0; offset < size; ) {
      const piece = Buffer.alloc(Math.min(PIECE_BYTES, size - offset));
      const { bytesRead } = await file.read(piece, 0, piece.length, offset);
      if (bytesRead < piece.length) throw new ClientError('The file became shorter while it was sent; run the same command again.');
      const headers = { ...TUS, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
      try {
        offset = offsetIn(await api.send(url, { method: 'PATCH', headers, body: piece }));
        misses = 0;
      } catch (error) {
        // The piece arrived and its answer did not: it is further than we know, or complete.
        if (!(error instanceof ApiError) || !FURTHER.has(error.code) || misses >= MAX_MISSES) throw error;
        misses += 1;
        offset = await offsetOf(api, url);
      }
      moved(offset);
    }
  } finally {
    await file.close();
  }
}

async function offsetOf(api: ApiClient, url: string): Promise<number> {
  return offsetIn(await api.send(url, { method: 'HEAD', headers: TUS }));
}

function offsetIn(response: Response): number {
  const text = response.headers.get('upload-offset') ?? '';
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw new ClientError('The answer to an upload does not say how far it is; is there a proxy that drops Upload-Offset?');
}

/** Hex SHA-256 of a file. */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), sum, { signal });
  return sum.digest('hex');
}
