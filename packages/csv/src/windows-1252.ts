/**
 * Windows-1252 → text, as the WHATWG Encoding Standard defines it. Only 0x80–0x9F differ from Latin-1. Written out because some
 * releases of Node read `windows-1252` as Latin-1, which turns every `€` and `’` into a control character.
 */

/** Code points of 0x80–0x9F; the five unassigned bytes stay the control characters they are in Latin-1. */
const HIGH = [
  0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018,
  0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
] as const;

const DIFFERENT = /[\x80-\x9f]/g;

/** One character per byte, so offsets in the text are offsets in the bytes. */
export function decodeWindows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(DIFFERENT, (c) => String.fromCharCode(HIGH[c.charCodeAt(0) - 0x80] ?? 0xfffd));
}
