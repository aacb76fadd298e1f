import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { errorCode } from '../errors.ts';

const TAIL_BYTES = 8_192;

/** Bytes in a file; 0 when it does not exist. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of a log file behind byte `from`, at most 8 KiB; an absent file is an empty log. */
export function tail(path: string, lines: number, from = 0): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.max(0, Math.min(size - from, TAIL_BYTES)));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    closeSync(file);
  }
}
