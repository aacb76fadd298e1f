/**
 * The bytes of a file → UTF-8, in pieces, with every position of the UTF-8 traceable to the byte of the file it came from.
 *
 * UTF-16 and Windows-1252 have a fixed width per UTF-16 code unit, and transcoding never changes the number of units (half a
 * surrogate pair becomes one unit, U+FFFF), so bytes of the file = units × width.
 */
import type { Encoding } from './dialect.ts';
import { decodeWindows1252 } from './windows-1252.ts';

export type Transcoder = {
  /** UTF-8 of the bytes that are complete; what is cut in the middle of a character waits for the next call. */
  push(bytes: Buffer): Buffer;
  /** What is left when the file ends. */
  end(): Buffer;
  /** Bytes of the file that `utf8[from, to)` stands for. */
  sourceBytes(utf8: Buffer, from: number, to: number): number;
  /** Whether {@link DAMAGE} stands for what was no text. */
  marksDamage: boolean;
};

/** U+FFFF, which is no character: stands for half a surrogate pair, so that the row it is in can be refused. */
export const DAMAGE = '\uffff';

const HALF_PAIR = /\p{Surrogate}/gu;
const NOTHING = Buffer.alloc(0);

/** A transcoder for one pass over one file. */
export function createTranscoder(encoding: Encoding): Transcoder {
  switch (encoding) {
    case 'utf-8':
      return { push: (bytes) => bytes, end: () => NOTHING, sourceBytes: (_, from, to) => to - from, marksDamage: false };
    case 'windows-1252':
      return windows1252();
    default:
      return utf16(encoding === 'utf-16be');
  }
}

function windows1252(): Transcoder {
  return {
    push: (bytes) => Buffer.from(decodeWindows1252(bytes)),
    end: () => NOTHING,
    sourceBytes: unitsOf,
    marksDamage: false,
  };
}

function utf16(bigEndian: boolean): Transcoder {
  let rest = NOTHING;
  return {
    push(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      let end = all.length - (all.length % 2);
      // A pair must be decoded together: apart, its halves would be two replacement characters.
      if (end >= 2 && isHighSurrogate(all[bigEndian ? end - 2 : end - 1])) end -= 2;
      rest = Buffer.from(all.subarray(end));
      return decodeUtf16(all.subarray(0, end), bigEndian);
    },
    end() {
      const last = rest;
      rest = NOTHING;
      if (last.length === 0) return NOTHING;
      const whole = decodeUtf16(last.subarray(0, last.length - (last.length % 2)), bigEndian);
      return last.length % 2 === 0 ? whole : Buffer.concat([whole, Buffer.from(DAMAGE)]);
    },
    sourceBytes: (utf8, from, to) => 2 * unitsOf(utf8, from, to),
    marksDamage: true,
  };
}

function decodeUtf16(bytes: Buffer, bigEndian: boolean): Buffer {
  if (bytes.length === 0) return NOTHING;
  const text = bigEndian ? Buffer.from(bytes).swap16().toString('utf16le') : bytes.toString('utf16le');
  return Buffer.from(text.replace(HALF_PAIR, DAMAGE));
}

function isHighSurrogate(highByte: number | undefined): boolean {
  return highByte !== undefined && highByte >= 0xd8 && highByte <= 0xdb;
}

function unitsOf(utf8: Buffer, from: number, to: number): number {
  return utf8.toString('utf8', from, to).length;
}
