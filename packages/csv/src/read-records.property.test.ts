import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvRow } from './csv-row.ts';
import type { Delimiter, Encoding } from './dialect.ts';
import { encode, readAll } from './testing.ts';

describe('readRecords: properties', () => {
  const ENCODINGS: Encoding[] = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'];
  const DELIMITERS: Delimiter[] = [',', ';', '\t', '|'];
  const character = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom('a', 'b', ' ', '"', '\n', '\r', '\r\n', ',', ';', '\t', '|', "'", '=', '+', '-', '@', '1', 'é', 'ÿ'),
    },
    { weight: 1, arbitrary: fc.constantFrom('€', '’', '–', 'Ÿ') },
  );
  const wide = fc.oneof(character, fc.constantFrom('漢', '😀', 'ऊ', '਀', '\u0a0d', '\ufffd'));
  const table = (char: fc.Arbitrary<string>): fc.Arbitrary<string[][]> =>
    fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.array(
        fc.array(
          fc.array(char, { maxLength: 8 }).map((c) => c.join('')),
          { minLength: width, maxLength: width },
        ),
        { maxLength: 12 },
      ),
    );
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

  test('any table in any dialect, encoding and line end reads back with its lines, resumable behind every record, in any pieces', async () => {
    const encoding = fc.constantFrom(...ENCODINGS);
    await fc.assert(
      fc.asyncProperty(
        encoding.chain((enc) => fc.tuple(fc.constant(enc), table(enc === 'windows-1252' ? character : wide))),
        fc.constantFrom(...DELIMITERS),
        fc.constantFrom('\n', '\r', '\r\n'),
        fc.boolean(),
        sizes,
        async ([enc, cells], delimiter, end, lastEnd, pieces) => {
          const written = cells.map((row) => row.map((cell) => quoted(cell)).join(delimiter) + end);
          let text = written.join('');
          if (!lastEnd) text = text.slice(0, text.length - end.length);
          const file = encode(text, enc);
          const dialect = { encoding: enc, delimiter, columns: cells[0]?.length ?? null };
          const rows = await readAll(file, dialect, pieces);
          expect(rows.map((row) => row.cells)).toEqual(cells.map((row) => row.map(plain)));
          let line = 1;
          let at = 0;
          for (const [i, row] of rows.entries()) {
            expect([row.line, row.start, row.fault]).toEqual([line, at, null]);
            line += breaks(written[i] ?? '');
            at += encode(written[i] ?? '', enc).length;
          }
          expect(rows.at(-1)?.end ?? 0).toBe(file.length);
          for (const row of rows) {
            const from = { byte: row.end, line: row.nextLine };
            expect(await readAll(file, dialect, pieces, from)).toEqual(rows.slice(rows.indexOf(row) + 1));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('any bytes: never throws, pieces change nothing, rows are in order, resumable behind each', async () => {
    const soup = fc
      .array(fc.oneof(character, fc.constantFrom('"', '\n', ',', '",', ',"', '"\n', '\0', '\xff', 'x')), { maxLength: 120 })
      .map((parts) => Buffer.from(parts.join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(soup, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)),
        fc.constantFrom(...ENCODINGS),
        fc.option(fc.integer({ min: 1, max: 4 })),
        sizes,
        async (file, encoding, columns, pieces) => {
          const rows = await readAll(file, { encoding, columns });
          expect(await readAll(file, { encoding, columns }, pieces)).toEqual(rows);
          let end = 0;
          for (const row of rows) {
            expect(row.start).toBeGreaterThanOrEqual(end);
            expect(row.end).toBeGreaterThan(row.start);
            end = row.end;
          }
          if (columns === null) return;
          for (const [i, row] of rows.entries()) {
            const rest = await readAll(file, { encoding, columns }, pieces, { byte: row.end, line: row.nextLine });
            expect(rest).toEqual(rows.slice(i + 1));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what csvRow writes reads back: any cell text', async () => {
    await fc.assert(
      fc.asyncProperty(table(fc.oneof(wide, fc.string({ unit: 'grapheme' }))), async (cells) => {
        const text = cells.map((row) => csvRow(row.map((cell) => cell.replaceAll('\0', '')))).join('');
        const rows = await readAll(text, { columns: cells[0]?.length ?? null });
        expect(rows.map((row) => row.cells)).toEqual(cells.map((row) => row.map((cell) => cell.replaceAll('\0', ''))));
      }),
      { numRuns: 500 },
    );
  });
});

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
/** What is left of a cell that looks protected. */
function plain(cell: string): string {
  return /^'+(?:[=+\-@\t\r]|\d+$)/.test(cell) ? cell.slice(1) : cell;
}
function breaks(text: string): number {
  return text.match(/\r\n|\r|\n/g)?.length ?? 0;
}
