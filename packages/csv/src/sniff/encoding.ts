/** The encoding of a file by its first bytes. */
import { isUtf8 } from 'node:buffer';
import type { Encoding } from '../dialect.ts';

export type EncodingFault = { code: 'binary_file' | 'unsupported_encoding'; message: string };

export type FoundEncoding = {
  encoding: Encoding;
  bomBytes: number;
  /** UTF-8 is only a guess so far: everything is ASCII. */
  fallback: 'windows-1252' | null;
  /** Neither a mark nor the bytes prove it. */
  guessed: boolean;
};

const SAVE_AS = 'save it as CSV (UTF-8) and upload that.';

/** First bytes of what people upload by mistake. */
const MAGIC: readonly { bytes: number[]; what: string }[] = [
  { bytes: [0x50, 0x4b, 0x03, 0x04], what: `This is an Excel workbook or another zipped file; ${SAVE_AS}` },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], what: `This is an old Excel workbook; ${SAVE_AS}` },
  { bytes: [0x1f, 0x8b], what: 'This file is compressed with gzip; unpack it and upload the CSV file.' },
  { bytes: [0x25, 0x50, 0x44, 0x46, 0x2d], what: `This is a PDF document; open the table in a spreadsheet and ${SAVE_AS}` },
  { bytes: [0x89, 0x50, 0x4e, 0x47], what: 'This is a picture; upload a CSV file.' },
];

const UTF_32: readonly number[][] = [
  [0xff, 0xfe, 0x00, 0x00],
  [0x00, 0x00, 0xfe, 0xff],
];

const MARKS: readonly { bytes: number[]; encoding: Encoding }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];

/** Share of NULs and control characters above which bytes are no text. */
const MOST_CONTROLS = 0.05;
/** Share of code units with an empty high byte above which text without a mark is UTF-16: its ASCII characters. */
const LEAST_ASCII_UNITS = 0.1;

/**
 * @param head first bytes of the file
 * @param complete they are the whole file; otherwise a character may be cut at their end
 */
export function detectEncoding(head: Buffer, complete: boolean): FoundEncoding | EncodingFault {
  const magic = MAGIC.find(({ bytes }) => startsWith(head, bytes));
  if (magic !== undefined) return { code: 'binary_file', message: magic.what };
  if (UTF_32.some((bytes) => startsWith(head, bytes))) {
    return { code: 'unsupported_encoding', message: 'The file is in UTF-32, which hardly anything reads; save it as UTF-8.' };
  }
  const mark = MARKS.find(({ bytes }) => startsWith(head, bytes));
  if (mark !== undefined) return { encoding: mark.encoding, bomBytes: mark.bytes.length, fallback: null, guessed: false };
  const wide = utf16WithoutMark(head);
  if (wide !== null) return { encoding: wide, bomBytes: 0, fallback: null, guessed: true };
  if (controls(head) > MOST_CONTROLS * head.length) return { code: 'binary_file', message: `This file is no text; ${SAVE_AS}` };
  return utf8OrNot(complete ? head : withoutCutCharacter(head));
}

function utf8OrNot(head: Buffer): FoundEncoding {
  const utf8: FoundEncoding = { encoding: 'utf-8', bomBytes: 0, fallback: null, guessed: false };
  const text = head.toString();
  if (isUtf8(head)) return text.length === head.length ? { ...utf8, fallback: 'windows-1252' } : utf8;
  // A few bad rows do not make a UTF-8 file another one: text of Windows-1252 hardly ever has what UTF-8 takes for a character.
  const bad = text.match(/\ufffd/g)?.length ?? 0;
  const good = text.match(/[^\0-\x7f\ufffd]/g)?.length ?? 0;
  return good > bad ? utf8 : { encoding: 'windows-1252', bomBytes: 0, fallback: null, guessed: true };
}

function utf16WithoutMark(head: Buffer): 'utf-16le' | 'utf-16be' | null {
  let even = 0;
  let odd = 0;
  for (let i = 0; i + 1 < head.length; i += 2) {
    if (head[i] === 0 && head[i + 1] !== 0) even++;
    else if (head[i] !== 0 && head[i + 1] === 0) odd++;
  }
  const least = (head.length / 2) * LEAST_ASCII_UNITS;
  if (odd > least && odd > 10 * even) return 'utf-16le';
  return even > least && even > 10 * odd ? 'utf-16be' : null;
}

function controls(head: Buffer): number {
  let count = 0;
  for (const byte of head) {
    if (byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d)) count++;
  }
  return count;
}

/** Leaves off the first bytes of a character whose last ones are missing. */
function withoutCutCharacter(head: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, head.length); back++) {
    const byte = head[head.length - back] ?? 0;
    if (byte < 0x80) return head;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? head.subarray(0, head.length - back) : head;
  }
  return head;
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => head[i] === byte);
}
