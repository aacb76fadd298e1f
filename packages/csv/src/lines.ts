/** Line breaks in bytes of UTF-8: LF, CR and CRLF, mixed as they come. */

const LF = 0x0a;
const CR = 0x0d;

/** Finds line ends in one buffer; remembers where the next of each byte is, so that files without CR are not searched for it. */
export class LineBreaks {
  private nextLf = -2;
  private nextCr = -2;
  private from = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Offset after the first line break at or after `from`, or -1 when there is none. Cheap when calls go forward. */
  endOfLine(from: number): number {
    if (from < this.from) {
      this.nextLf = -2;
      this.nextCr = -2;
    }
    this.from = from;
    if (this.nextLf !== -1 && this.nextLf < from) this.nextLf = this.bytes.indexOf(LF, from);
    if (this.nextCr !== -1 && this.nextCr < from) this.nextCr = this.bytes.indexOf(CR, from);
    const { nextLf, nextCr } = this;
    if (nextCr === -1) return nextLf === -1 ? -1 : nextLf + 1;
    if (nextLf === -1 || nextCr < nextLf) return nextLf === nextCr + 1 ? nextCr + 2 : nextCr + 1;
    return nextLf + 1;
  }
}

/** Line breaks in `bytes[from, to)`. */
export function countLineBreaks(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte === LF) count++;
    else if (byte === CR && !(i + 1 < to && bytes[i + 1] === LF)) count++;
  }
  return count;
}

/** Length of the line break that `bytes` has at `at`: 0 when it has none there. */
export function lineBreakAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === LF) return 1;
  return byte === CR ? (bytes[at + 1] === LF ? 2 : 1) : 0;
}
