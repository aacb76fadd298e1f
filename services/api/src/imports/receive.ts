/** Bytes of an upload → disk, and the sum over them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, statfs } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { ApiError, fail } from '../http/errors.ts';
import type { Lease } from './lease.ts';

/** Room that stays free on the disk: the workers need some, and so does whatever else lives there. */
const SPARE_BYTES = 64 * 1024 * 1024;
const NOTE_MS = 1_000;
const FULL = new Set(['ENOSPC', 'EDQUOT']);

export type Target = {
  path: string;
  /** Where to go on: the size of the file, or 0 to begin anew. */
  offset: number;
  /** Bytes that the file may have. */
  max: number;
  lease: Pick<Lease, 'beforeWrite'>;
  /** Told about once a second how far it is. */
  note: (received: number) => Promise<unknown>;
};

export type Received = {
  size: number;
  /** Hex, when all of the file came through here. */
  sha256: string | null;
};

/** Writes everything that comes. What was written stays where an error ends it. @throws ApiError 413, 423, 503 or 507 */
export async function receive(source: AsyncIterable<Uint8Array>, target: Target): Promise<Received> {
  const sum = target.offset === 0 ? createHash('sha256') : null;
  const file = await onDisk(open(target.path, target.offset === 0 ? 'w' : 'r+'));
  let at = target.offset;
  let notedAt = performance.now();
  try {
    for await (const bytes of source) {
      if (at + bytes.length > target.max) throw fail('file_too_large');
      target.lease.beforeWrite();
      await onDisk(writeAll(file, bytes, at));
      sum?.update(bytes);
      at += bytes.length;
      if (performance.now() - notedAt < NOTE_MS) continue;
      notedAt = performance.now();
      await target.note(at);
    }
    await onDisk(file.sync());
  } finally {
    await file.close();
  }
  return { size: at, sha256: sum?.digest('hex') ?? null };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Hex SHA-256 of a file. */
export async function sha256Of(path: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), sum);
  return sum.digest('hex');
}

/** @throws ApiError 507 unless the folder has room for so many bytes */
export async function requireRoom(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await onDisk(statfs(dir));
  if (bavail * bsize < bytes + SPARE_BYTES) throw fail('insufficient_storage');
}

/** Awaits an operation on files: a full disk is an answer of its own. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && FULL.has(error.code))
      throw fail('insufficient_storage', { cause: error });
    throw error;
  }
}
